import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SIGNATURE_EXTENSIONS } from '../../src/evidence/signature-files.ts'
import {
  type Listed,
  PUBLISHED_EXTENSIONS,
  parseIndex,
  parsePart,
  parsePublishedName,
  printIndex,
  printPart,
} from '../../src/formats/publication.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const SHA = 'ab'.repeat(32)
const DIGEST = `0c${'x'.repeat(30)}`
const HEAD = 'nixsig-publication-1 2026-11-23T04:31:25Z\n'
const PART = 'nixsig-publication-part-1 0c\n'

const index = (text: string) => parseIndex(Buffer.from(text, 'latin1'))
const part = (text: string) => parsePart(Buffer.from(text, 'latin1'), '0c')

test('both lists are read as they are written, and have one spelling', () => {
  const text = `${HEAD}0c 12 ${SHA}\nzz 4194304 ${SHA}\n`
  const value = index(text)
  assert.equal(value.published, Date.UTC(2026, 10, 23, 4, 31, 25) / 1000)
  assert.deepEqual([...value.parts.keys()], ['0c', 'zz'])
  assert.equal(Buffer.from(printIndex(value)).toString(), text)

  const files = `${PART}${DIGEST}.asc 1 ${SHA}\n${DIGEST}.intoto.jsonl 16777216 ${SHA}\n${DIGEST}.sums.asc 7 ${SHA}\n`
  assert.equal(Buffer.from(printPart('0c', part(files))).toString(), files)
  assert.deepEqual(part(PART), new Map())
  assert.deepEqual(index(HEAD).parts, new Map())
})

test('every list that can be printed is read back', () => {
  const size = fc.integer({ min: 1, max: 4 * 1024 * 1024 })
  const listed: fc.Arbitrary<Listed> = size.map(size => ({ size, sha256: SHA }))
  const digit = fc.constantFrom(...'0123456789abcdfghijklmnpqrsvwxyz')
  const name = fc.tuple(digit, digit).map(pair => pair.join(''))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, listed)), fc.integer({ min: 0, max: 4e9 }), (entries, published) => {
      const parts = new Map(entries)
      const back = parseIndex(printIndex({ published, parts }))
      assert.equal(back.published, published)
      assert.deepEqual(Object.fromEntries(back.parts), Object.fromEntries(parts))
      assert.deepEqual([...back.parts.keys()], [...parts.keys()].sort())
    }),
  )
})

test('every kind of file that nixsig looks for can be published', () => {
  for (const extension of ['.intoto.jsonl', '.narinfo', ...SIGNATURE_EXTENSIONS]) {
    assert.ok(PUBLISHED_EXTENSIONS.includes(extension), extension)
  }
})

test('only names that a directory of attestations can contain are accepted', () => {
  assert.deepEqual(parsePublishedName(`${DIGEST}.sums.minisig`), {
    digest: DIGEST,
    extension: '.sums.minisig',
  })
  const names = [
    DIGEST,
    `${DIGEST}.`,
    `${DIGEST}.sh`,
    `${DIGEST}.asc~`,
    `${DIGEST}.asc/..`,
    `..${DIGEST}.asc`,
  ]
  for (const name of [...names, `${DIGEST}.asc\n`, `${DIGEST.replace('x', 'e')}.asc`, 'index', '']) {
    assert.equal(parsePublishedName(name), undefined, name)
  }
})

for (const [name, text, problem] of [
  ['nothing', '', /not the index of a publication/],
  ['a page of HTML', '<!doctype html>\n', /not the index of a publication/],
  ['another version', HEAD.replace('-1', '-2'), /not the index of a publication that this nixsig can read/],
  ['no date', 'nixsig-publication-1 soon\n', /not an RFC 3339 time/],
  [
    'a time in another spelling',
    HEAD.replace('25Z', '25.0Z'),
    /a time with a fraction of a second \(line 1\)/,
  ],
  ['a last line that is cut off', `${HEAD}0c 12 ${SHA}`, /the last line breaks off \(line 2\)/],
  ['an empty line', `${HEAD}\n`, /not a name, a size and a SHA-256 \(line 2\)/],
  ['a carriage return', `${HEAD}0c 12 ${SHA}\r\n`, /not a name, a size/],
  ['a part twice', `${HEAD}0c 12 ${SHA}\n0c 13 ${SHA}\n`, /"0c" is out of order or there twice \(line 3\)/],
  ['parts out of order', `${HEAD}0d 12 ${SHA}\n0c 13 ${SHA}\n`, /"0c" is out of order/],
  ['a part above it', `${HEAD}.. 12 ${SHA}\n`, /"\.\." is not a name/],
  ['a part that no digest begins with', `${HEAD}ee 12 ${SHA}\n`, /"ee" is not a name/],
  ['an empty part', `${HEAD}0c 0 ${SHA}\n`, /not a name, a size/],
  ['a size in another spelling', `${HEAD}0c 012 ${SHA}\n`, /not a name, a size/],
  ['a huge part', `${HEAD}0c 4194305 ${SHA}\n`, /larger than 4194304 bytes/],
  ['a short hash', `${HEAD}0c 1 ${SHA.slice(1)}\n`, /not a name, a size/],
  ['a hash in capitals', `${HEAD}0c 1 ${SHA.toUpperCase()}\n`, /not a name, a size/],
  ['bytes that are not text', `${HEAD}\xff\n`, /publication/],
  ['too many bytes', HEAD + 'x'.repeat(128 * 1024), /larger than 131072 bytes/],
] as const) {
  test(`attack: an index with ${name} is refused`, () => {
    assert.throws(() => index(text), { name: 'FormatError', message: problem })
  })
}

for (const [name, text, problem] of [
  ['of another part', PART.replace('0c', '0d'), /not the index of part 0c/],
  ['that is the first list', HEAD, /not the index of part 0c/],
  ['with a file above it', `${PART}0c/../../etc/passwd 1 ${SHA}\n`, /is not a name that is allowed here/],
  ['with an absolute file', `${PART}/etc/passwd 1 ${SHA}\n`, /is not a name/],
  ['with a file of another part', `${PART}0d${'x'.repeat(30)}.asc 1 ${SHA}\n`, /is not a name/],
  ['with a file of an unknown kind', `${PART}${DIGEST}.exe 1 ${SHA}\n`, /is not a name/],
  ['with an index', `${PART}index 1 ${SHA}\n`, /is not a name/],
  [
    'with a file twice',
    `${PART}${DIGEST}.asc 1 ${SHA}\n${DIGEST}.asc 1 ${SHA}\n`,
    /out of order or there twice/,
  ],
  ['with a huge file', `${PART}${DIGEST}.asc 16777217 ${SHA}\n`, /larger than 16777216 bytes/],
  ['with an escape sequence', `${PART}\x1b[31m 1 ${SHA}\n`, /"\\u\{1b\}\[31m" is not a name/],
] as const) {
  test(`attack: a part's list ${name} is refused`, () => {
    assert.throws(() => part(text), { name: 'FormatError', message: problem })
  })
}

test('a part that is too large is not printed', () => {
  const digests = Array.from({ length: 60_000 }, (_, count) => `0c${String(count).padStart(30, '0')}.asc`)
  const files = new Map(digests.map(name => [name, { size: 1, sha256: SHA }]))
  assert.throws(() => printPart('0c', files), FormatError)
})
