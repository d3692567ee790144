/** What is read of audits of other machines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SMALL_AUDIT } from '../../fuzz/targets/audits.ts'
import { auditJson } from '../../src/audit/json.ts'
import { AUDIT_LIMITS, parseAudit } from '../../src/audit/parse.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { randomAudit } from '../support/audits/random.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const TEXT = auditJson(SMALL_AUDIT)

/** A copy with the value at a place changed: `paths.0.nar_size`; undefined takes it away. */
function changed(place: string, value: Json | undefined): string {
  const whole = JSON.parse(TEXT)
  const keys = place.split('.')
  const last = keys.pop() ?? ''
  const around = keys.reduce((inner, key) => inner[key], whole)
  if (value === undefined) delete around[last]
  else around[last] = value
  return JSON.stringify(whole)
}

function refusal(text: string): string {
  try {
    parseAudit(Buffer.from(text))
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error))
    return error.message
  }
  return 'accepted'
}

/** The same, with U+FFFD in place of half pairs of surrogates, which are no text. */
function asText<T>(value: T): T
function asText(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\p{Surrogate}/gu, '\ufffd')
  if (Array.isArray(value)) return value.map(asText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, asText(field)]))
}

/** Every place in a document, objects and lists included. */
function placesIn(value: Json, place = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [place]
  const inside = Object.entries(value).flatMap(([key, field]) =>
    placesIn(field, place === '' ? key : `${place}.${key}`),
  )
  return place === '' ? inside : [place, ...inside]
}

test('an audit that is printed is read as the same', () => {
  assert.deepEqual(parseAudit(Buffer.from(TEXT)), SMALL_AUDIT)
})

test('random audits, hostile ones too, are read as what was printed', () => {
  for (let seed = 0; seed < 200; seed++) {
    const audit = randomAudit(seed, seed % 2 === 0 ? { paths: seed } : { hostile: 'texts' })
    const read = parseAudit(Buffer.from(auditJson(audit)))
    assert.deepEqual(read, asText(audit), `seed ${seed}`)
  }
})

test('each field has to be there and of its kind, and the refusal names it', () => {
  for (const place of placesIn(JSON.parse(TEXT))) {
    const isElement = /\.\d+$/.test(place)
    const named = place.replace(/\.(\d+)/g, '[$1]')
    if (!isElement && place !== 'format') {
      const name = place.replace(/^.*\./, '')
      assert.match(
        refusal(changed(place, undefined)),
        new RegExp(`^audit: field "${name}" is missing`),
        place,
      )
    }
    for (const wrong of [{}, 'no such thing \u202e'.repeat(9000), -1, 0.5, [[[]]]]) {
      const reason = refusal(changed(place, wrong))
      assert.match(reason, /^(?:audit|JSON): /, `${place}: ${reason}`)
      if (wrong !== 0.5 && place !== 'format') assert.ok(reason.includes(`(${named}`), `${place}: ${reason}`)
    }
  }
})

test('fields of later versions are ignored, at any depth', () => {
  for (const place of ['new', 'paths.0.new', 'machine.new', 'keys.0.new', 'disk.new']) {
    assert.deepEqual(parseAudit(Buffer.from(changed(place, [{ a: 1 }]))), SMALL_AUDIT, place)
  }
})

test('a place that no list has', () => {
  const places = [
    ...['paths.0.references.0', 'paths.0.derivation', 'paths.0.inputs.0', 'paths.0.claims.0.key'],
    ...['paths.0.group', 'paths.0.exemption', 'expressions.0.covers.0', 'expressions.0.claims.0.key'],
    ...[
      'keys.0.principal',
      'keys.0.falls.0',
      'principals.0.keys.0',
      'principals.0.falls.0',
      'groups.0.paths.0',
    ],
    ...['weakest.key', 'exemptions.0.paths.0', 'ends.0.falls.0', 'disk.differing.0.path', 'disk.missing.0'],
  ]
  for (const place of places) {
    const text = place === 'paths.0.references.0' ? changed('paths.0.references', [7]) : undefined
    const inputs = place === 'paths.0.inputs.0' ? changed('paths.0.inputs', [7]) : undefined
    assert.match(
      refusal(text ?? inputs ?? changed(place, 7)),
      /^audit: place of an? \w+ is out of range: 7 of \d/,
      place,
    )
  }
})

test('a path that is listed twice', () => {
  const { paths } = JSON.parse(TEXT)
  assert.match(refusal(changed('paths', [...paths, paths[0]])), /a path is listed twice/)
})

test('what is larger than an audit may be', () => {
  const large = Buffer.alloc(AUDIT_LIMITS.bytes + 1, ' ')
  assert.throws(
    () => parseAudit(large),
    /^FormatError: audit: larger than 67108864 bytes \(67108865 bytes\)$/,
  )
  const places = Array.from({ length: AUDIT_LIMITS.paths + 1 }, () => 0)
  assert.match(refusal(changed('groups.0.paths', places)), /more than 200000 entries \(groups\[0\]\.paths\)/)
})

test('what says that it is another format, or says it elsewhere', () => {
  for (const text of [
    changed('format', 'nixsig-audit-2'),
    JSON.stringify({ time: 1, ...JSON.parse(TEXT) }),
    '[]',
    'null',
  ]) {
    assert.match(refusal(text), /must begin with \{"format":"nixsig-audit-1" \(the whole\)/)
  }
})

test('attack: an audit of empty lists, which would take gigabytes of memory', () => {
  const text = `{"format":"nixsig-audit-1","x":[${'[[[[[]]]]],'.repeat(400_000)}[]]}`
  assert.ok(text.length < AUDIT_LIMITS.bytes)
  assert.match(refusal(text), /^JSON: more than 2000000 objects and lists/)
})

test('attack: one key under two entries, revoked in one and counting in the other', () => {
  const whole = JSON.parse(TEXT)
  whole.keys.push({ ...whole.keys[0], is_revoked: !whole.keys[0].is_revoked })
  assert.match(refusal(JSON.stringify(whole)), /a key is listed twice/)
})

test('numbers that no audit has: NaN, too large, fractions, and a path under two equal fields', () => {
  for (const number of ['NaN', '1e999', '1.5', '9007199254740993', '-1', '1e3', '0x10', '-0']) {
    const text = TEXT.replace(/"nar_size":\d+/, `"nar_size":${number}`)
    assert.notEqual(refusal(text), 'accepted', number)
  }
  assert.match(refusal(TEXT.replace('"nar_size":', '"nar_size":1,"nar_size":')), /"nar_size" is repeated/)
  assert.match(
    refusal(changed('time', 253_402_300_800)),
    /must be an integer from 0 to 253402300799 \(time\)/,
  )
})
