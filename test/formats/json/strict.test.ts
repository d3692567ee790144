import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isList, isObject, printJson } from '../../../src/formats/json/print.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../../../src/formats/json/strict.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const LIMITS = { length: 10_000, depth: 8 }
const parse = (text: string) => parseStrictJson(text, LIMITS)

/** The same value as JSON.parse would build it. */
function plain(value: JsonValue): unknown {
  if (isObject(value)) return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)]))
  return isList(value) ? value.map(plain) : value
}

test("values of every kind, with all of JSON's white space", () => {
  const text = ' \t\r\n{"a": [1, -20 ,0], "b":{"":null},"c":true ,"d":false,"e":"x"}\n'
  assert.deepEqual(plain(parse(text)), JSON.parse(text))
})

test('every escape', () => {
  const text = '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\ud83d\\ude00 \u{1f600}"'
  assert.equal(parse(text), JSON.parse(text))
})

test('keys keep their order, even those that look like numbers', () => {
  const value = parse('{"b":1,"10":2,"9":3}')
  assert.ok(isObject(value))
  assert.deepEqual([...value.keys()], ['b', '10', '9'])
  assert.equal(printJson(value), '{"b":1,"10":2,"9":3}')
})

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['a repeated key', '{"a":1,"a":2}', /key "a" is repeated \(offset 7\)/],
  ['a key repeated in another spelling', '{"a":1,"\\u0061":2}', /key "a" is repeated/],
  ['a repeated key at depth', '[[{"x":{"y":1,"y":1}}]]', /key "y" is repeated/],
  ['a key that would reach a prototype', '{"__proto__":{}}', /"__proto__" is not allowed/],
  ['the same key escaped', '{"\\u005f_proto__":{}}', /"__proto__" is not allowed/],
  [
    'an escape sequence in a repeated key',
    '{"\\u001b[2J":1,"\\u001b[2J":2}',
    /key "\\u\{1b\}\[2J" is repeated/,
  ],
  ['an unpaired high surrogate', '"\\ud800"', /unpaired surrogate \(offset 0\)/],
  ['an unpaired low surrogate', '"x\\udc00"', /unpaired surrogate/],
  ['surrogates in the wrong order', '"\\ude00\\ud83d"', /unpaired surrogate/],
  ['an unpaired surrogate that is not escaped', '"\ud800"', /unpaired surrogate/],
  ['a fraction', '1.0', /not a plain integer/],
  ['an exponent', '1e3', /not a plain integer/],
  ['minus zero', '-0', /not a plain integer/],
  ['a leading zero', '01', /not a plain integer/],
  ['an integer that a double would round', '9007199254740993', /does not fit into 53 bits/],
  ['a huge integer', '1'.repeat(400), /does not fit into 53 bits/],
  ['a plus sign', '+1', /expected a value/],
  ['NaN', 'NaN', /expected a value/],
  ['a word cut short', 'tru', /expected a value/],
  ['nothing at all', '', /expected a value \(offset 0\)/],
  ['a second value', '{} {}', /something follows the value \(offset 3\)/],
  ['a NUL after the value', '1\0', /something follows the value/],
  ['a byte order mark', '\ufeff1', /expected a value/],
  ['a no-break space', '\u00a01', /expected a value/],
  ['a trailing comma in a list', '[1,]', /expected a value/],
  ['a trailing comma in an object', '{"a":1,}', /a key must stand here/],
  ['a key without quotes', '{a:1}', /a key must stand here/],
  ['single quotes', "{'a':1}", /a key must stand here/],
  ['a comment', '/* */ 1', /expected a value/],
  ['a missing colon', '{"a" 1}', /":" is missing/],
  ['a list without an end', '[1', /"\]" is missing/],
  ['an object without an end', '{"a":1', /"}" is missing/],
  ['a string without an end', '"abc', /string without an end/],
  ['a bare newline in a string', '"a\nb"', /bare control character \(offset 2\)/],
  ['an unknown escape', '"\\x41"', /unknown escape/],
  ['an escape cut short', '"\\u12"', /unknown escape/],
  ['a backslash at the end', '"\\', /unknown escape/],
  ['more nesting than allowed', `${'['.repeat(10)}${']'.repeat(10)}`, /nested deeper than 8/],
  ['nesting that would exhaust the stack', '['.repeat(9_000), /nested deeper than 8/],
  ['more text than allowed', `"${'a'.repeat(10_000)}"`, /longer than 10000 characters/],
]

for (const [name, text, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parse(text), reason)
    assert.throws(() => parse(text), FormatError)
  })
}

test('nesting up to the limit is read', () => {
  assert.deepEqual(parse(`${'['.repeat(8)}1${']'.repeat(8)}`), JSON.parse('[[[[[[[[1]]]]]]]]'))
})

test('agrees with JSON.parse wherever it accepts, and reads back what it prints', () => {
  const integers = fc.integer()
  const values = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      integers,
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
    ),
  })).value
  fc.assert(
    fc.property(values, value => {
      const text = JSON.stringify(value)
      fc.pre(!text.includes('__proto__') && text.length < 10_000)
      const read = parse(text)
      assert.deepEqual(plain(read), JSON.parse(text))
      assert.deepEqual(parse(printJson(read)), read)
    }),
  )
})

test('never accepts what JSON.parse refuses, and never fails in another way', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    'u00',
    'a',
    '1',
    '-',
    '.',
    'true',
    'null',
    ' ',
    '\0',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), parts => {
      const text = parts.join('')
      try {
        parse(text)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        return
      }
      JSON.parse(text)
    }),
    { numRuns: 2000 },
  )
})

test('bytes that are not UTF-8 are refused', () => {
  assert.equal(decodeUtf8(Buffer.from('é'), 'x'), 'é')
  assert.throws(() => decodeUtf8(Uint8Array.of(0x22, 0xff, 0x22), 'statement'), /statement: not UTF-8/)
  assert.throws(() => decodeUtf8(Uint8Array.of(0xed, 0xa0, 0x80), 'statement'), /not UTF-8/)
})
