import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseStatement,
  printStatement,
  type Statement,
  statedReferences,
} from '../../../src/formats/in-toto/statement.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12'
const HASH = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)

const statement: Statement = {
  subjects: [{ name: PATH, narHash: HASH, annotations: new Map([['narSize', 120]]) }],
  predicateType: 'https://example.com/p/v1',
  predicate: new Map([['b', 1]]),
}

const parse = (text: string) => parseStatement(Buffer.from(text))

/** A statement with these parts as text. */
function text(parts: {
  type?: string
  subject?: string
  digest?: string
  name?: string
  more?: string
}): string {
  const { digest = `{"sha256":"${HASH}"}`, name = `"${PATH}"`, more = '' } = parts
  const { type = '"https://in-toto.io/Statement/v1"', subject = `[{"name":${name},"digest":${digest}}]` } =
    parts
  return `{"_type":${type},"subject":${subject},"predicateType":"t","predicate":{}${more}}`
}

test('the form in which statements are signed', () => {
  assert.equal(
    Buffer.from(printStatement(statement)).toString('utf8'),
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"${PATH}",` +
      `"digest":{"sha256":"${HASH}","nixNarSha256":"${HASH}"},"annotations":{"narSize":120}}],` +
      `"predicateType":"https://example.com/p/v1","predicate":{"b":1}}`,
  )
})

test('reads what it prints', () => {
  assert.deepEqual(parseStatement(printStatement(statement)), statement)
})

test('one of the two digests is enough, and other algorithms are ignored', () => {
  for (const digest of [
    `{"sha256":"${HASH}"}`,
    `{"nixNarSha256":"${HASH}"}`,
    `{"sha512":"00","sha256":"${HASH}","gitTree":7}`,
  ]) {
    assert.deepEqual(parse(text({ digest })).subjects, [{ name: PATH, narHash: HASH }])
  }
})

test('further fields of a resource descriptor, and a statement without a predicate', () => {
  const subject = `[{"name":"${PATH}","digest":{"sha256":"${HASH}"},"uri":"a:b","mediaType":"x/y"}]`
  assert.equal(parse(text({ subject })).subjects.length, 1)
  const bare = text({}).replace(',"predicate":{}', '')
  assert.deepEqual(parse(bare).predicate, new Map())
})

const one = `{"name":"${PATH}","digest":{"sha256":"${HASH}"}}`
const two = `{"name":"${PATH}","digest":{"sha256":"${OTHER}"}}`

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [
    'two digests that differ',
    text({ digest: `{"sha256":"${HASH}","nixNarSha256":"${OTHER}"}` }),
    /sha256 and nixNarSha256 differ \(subject\[0\]\.digest\)/,
  ],
  [
    'the same digest twice',
    text({ digest: `{"sha256":"${HASH}","sha256":"${OTHER}"}` }),
    /"sha256" is repeated/,
  ],
  ['one path with two contents', text({ subject: `[${one},${two}]` }), /names a store path twice/],
  ['no digest that counts', text({ digest: `{"sha512":"${HASH}"}` }), /neither sha256 nor nixNarSha256/],
  [
    'an SRI string as digest',
    text({ digest: `{"sha256":"sha256-${'q6ur'.repeat(10)}q6s="}` }),
    /must be 64 lower-case/,
  ],
  ['a digest in capitals', text({ digest: `{"sha256":"${HASH.toUpperCase()}"}` }), /must be 64 lower-case/],
  ['a digest cut short', text({ digest: '{"sha256":"abab"}' }), /must be 64 lower-case/],
  ['an empty digest', text({ digest: '{"sha256":""}' }), /must be 64 lower-case/],
  ['a digest that is not a string', text({ digest: '{"sha256":1}' }), /must be a string/],
  ['a name that is not a store path', text({ name: '"hello-2.12.tar.gz"' }), /\(subject\[0\]\.name\)/],
  ['a path inside a store path', text({ name: `"${PATH}/bin/hello"` }), /\(subject\[0\]\.name\)/],
  ['a path that climbs out', text({ name: '"/nix/store/../../etc/passwd"' }), /\(subject\[0\]\.name\)/],
  ['a name with a newline', text({ name: `"${PATH}\\n"` }), /\(subject\[0\]\.name\)/],
  ['no name', text({ subject: `[{"digest":{"sha256":"${HASH}"}}]` }), /field "name" is missing/],
  ['no subject', text({ subject: '[]' }), /must not be empty \(subject\)/],
  [
    'an unknown field of a subject',
    text({ subject: `[${one.replace('}}', '},"x":1}')}]` }),
    /unknown field "x"/,
  ],
  ['an unknown field', text({ more: ',"expires":"never"' }), /unknown field "expires"/],
  ['two predicates', text({ more: ',"predicate":{}' }), /"predicate" is repeated/],
  ['another version', text({ type: '"https://in-toto.io/Statement/v0.1"' }), /must be https:.*v1 \(_type\)/],
  [
    'a predicate that is not an object',
    text({}).replace('"predicate":{}', '"predicate":[]'),
    /must be an object/,
  ],
  ['deep nesting', text({}).replace('{}', `{"x":${'['.repeat(40)}${']'.repeat(40)}}`), /nested deeper/],
  ['nothing', '', /expected a value/],
]

for (const [name, payload, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parse(payload), reason)
    assert.throws(() => parse(payload), FormatError)
  })
}

test('refuses bytes that are not UTF-8', () => {
  const payload = Buffer.from(text({ more: ',"x":"_"' }))
  payload[payload.lastIndexOf('_')] = 0xff
  assert.throws(() => parseStatement(payload), /not UTF-8/)
})

test('a statement that readers would refuse is not printed', () => {
  const predicate = new Map([['x', 'a'.repeat(1024 * 1024)]])
  assert.throws(() => printStatement({ ...statement, predicate }), /larger than 1048576/)
})

const DEP = '/nix/store/1123456789abcdfghijklmnpqrsvwxyz-dep'

/** A statement whose subject has these annotations, as text. */
const annotated = (annotations: string) =>
  text({ subject: `[{"name":"${PATH}","digest":{"sha256":"${HASH}"},"annotations":${annotations}}]` })

test('references are read from the annotation, and printed there', () => {
  const subject = { name: PATH, narHash: HASH, references: [PATH, DEP] }
  for (const one of [
    subject,
    { ...subject, references: [] },
    { ...subject, annotations: new Map([['a', 1]]) },
  ]) {
    const said = { ...statement, subjects: [one] }
    assert.deepEqual(parseStatement(printStatement(said)), said)
  }
  assert.deepEqual(parse(annotated(`{"nixReferences":["${PATH}","${DEP}"]}`)).subjects, [subject])
  assert.deepEqual(parse(annotated('{"references":7}')).subjects[0]?.references, undefined)
})

test('attack: references that two readers could read differently are refused', () => {
  for (const [references, problem] of [
    [`["${DEP}","${PATH}"]`, /must be sorted, and none repeated/],
    [`["${PATH}","${PATH}"]`, /must be sorted, and none repeated/],
    [`["${PATH}/bin"]`, /more than a path directly in the store/],
    ['["0123456789abcdfghijklmnpqrsvwxyz-hello-2.12"]', /not in \/nix\/store/],
    [`"${PATH}"`, /must be a list/],
    [`[["${PATH}"]]`, /must be a string/],
    ['null', /must be a list/],
    [`[${'"x",'.repeat(10_000)}"x"]`, /more than 10000 entries/],
  ] as const) {
    assert.throws(() => parse(annotated(`{"nixReferences":${references}}`)), problem, references.slice(0, 60))
  }
  const twice = `{"nixReferences":[],"nixReferences":["${DEP}"]}`
  assert.throws(() => parse(annotated(twice)), /key "nixReferences" is repeated|repeated/)
})

test('references that make a statement too long to be read are not stated', () => {
  assert.deepEqual(statedReferences([DEP, PATH, DEP]), { references: [PATH, DEP] })
  const long = Array.from({ length: 2000 }, (_, n) => `${DEP}${'x'.repeat(150)}${n}`)
  assert.deepEqual(statedReferences(long), {})
})
