import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import {
  ENVELOPE_LIMIT,
  PAYLOAD_TYPE,
  pae,
  parseEnvelope,
  printEnvelope,
} from '../../../src/formats/in-toto/dsse.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')

// The vector in protocol.md, with its signature (ECDSA, P-256 and SHA-256, r and s concatenated).
test('published vector: the encoding, and the signature over it', () => {
  const message = pae('http://example.com/HelloWorld', Buffer.from('hello world'))
  assert.equal(text(message), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  const coordinate = (decimal: string) =>
    Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url')
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
      y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
    },
  })
  const signature = Buffer.from(
    'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
    'base64',
  )
  assert.ok(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature))
})

test('lengths are of bytes, not of characters', () => {
  assert.equal(text(pae('é', Buffer.from('ü€'))), 'DSSEv1 2 é 5 ü€')
  assert.equal(text(pae('', new Uint8Array())), 'DSSEv1 0  0 ')
})

test('type and payload cannot be shifted into each other', () => {
  assert.notDeepEqual(pae('a 1', Buffer.from('b')), pae('a', Buffer.from('1 b')))
})

const envelope = {
  payloadType: PAYLOAD_TYPE,
  payload: new Uint8Array(Buffer.from('{"a":1}')),
  signatures: [{ keyid: 'SHA256:x', signature: new Uint8Array(64).fill(1) }],
} as const

test('reads what it prints', () => {
  assert.deepEqual(parseEnvelope(printEnvelope(envelope)), envelope)
  assert.equal(printEnvelope(envelope).includes('\n'), false)
})

test('several signatures, and an absent key id', () => {
  const line = `{"payloadType":"${PAYLOAD_TYPE}","payload":"","signatures":[{"sig":"AA=="},{"sig":"","keyid":"k"}]}`
  assert.deepEqual(parseEnvelope(line).signatures, [
    { keyid: '', signature: Uint8Array.of(0) },
    { keyid: 'k', signature: new Uint8Array() },
  ])
})

/** An envelope with these parts as text. */
function line(parts: { payload?: string; type?: string; signatures?: string; more?: string }): string {
  const { payload = '"e30="', type = `"${PAYLOAD_TYPE}"`, signatures = '[{"sig":"AA=="}]', more = '' } = parts
  return `{"payload":${payload},"payloadType":${type},"signatures":${signatures}${more}}`
}

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['no signatures', line({ signatures: '[]' }), /must not be empty \(signatures\)/],
  ['17 signatures', line({ signatures: `[${'{"sig":""},'.repeat(16)}{"sig":""}]` }), /more than 16 entries/],
  [
    'another payload type',
    line({ type: '"application/json"' }),
    /"application\/json" is not application\/vnd/,
  ],
  [
    'the payload type in capitals',
    line({ type: `"${PAYLOAD_TYPE.toUpperCase()}"` }),
    /is not application\/vnd/,
  ],
  ['parameters of the payload type', line({ type: `"${PAYLOAD_TYPE};v=1"` }), /is not application\/vnd/],
  ['a payload type of control characters', line({ type: '"\\u001b[2J"' }), /"\\u\{1b\}\[2J" is not/],
  ['two payloads', line({ more: ',"payload":"AA=="' }), /key "payload" is repeated/],
  [
    'attack: eighty thousand short fields, of which few are read',
    line({ more: Array.from({ length: 80_000 }, (_, count) => `,"k${count}":1`).join('') }),
    /more than 144 values.*offset \d{3,4}\b/,
  ],
  ['an unknown field', line({ more: ',"expires":1' }), /unknown field "expires"/],
  ['an unknown field of a signature', line({ signatures: '[{"sig":"","cert":""}]' }), /unknown field "cert"/],
  [
    'a missing signature',
    line({ signatures: '[{"keyid":"a"}]' }),
    /field "sig" is missing \(signatures\[0\]\)/,
  ],
  ['a missing payload', `{"payloadType":"${PAYLOAD_TYPE}","signatures":[]}`, /field "payload" is missing/],
  ['URL-safe base 64', line({ payload: '"_-8="' }), /not standard padded base64 .*\(payload\)/],
  ['unpadded base 64', line({ payload: '"AA"' }), /not standard padded base64/],
  ['stray bits in base 64', line({ payload: '"AB=="' }), /not standard padded base64/],
  ['white space in base 64', line({ payload: '"AA ==" ' }), /not standard padded base64/],
  ['a payload that is not a string', line({ payload: '1' }), /must be a string \(payload\)/],
  ['a long key id', line({ signatures: `[{"sig":"","keyid":"${'k'.repeat(257)}"}]` }), /longer than 256/],
  ['a list', '[]', /must be an object/],
  ['two envelopes on a line', line({}) + line({}), /something follows/],
  ['a huge line', line({ payload: `"${'A'.repeat(ENVELOPE_LIMIT)}"` }), /longer than 1048576/],
  ['deep nesting', line({ signatures: '[[[[[[]]]]]]' }), /nested deeper/],
  ['nothing', '', /expected a value/],
]

for (const [name, text, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parseEnvelope(text), reason)
    assert.throws(() => parseEnvelope(text), FormatError)
  })
}

test('an envelope that readers would refuse is not printed', () => {
  const payload = new Uint8Array(ENVELOPE_LIMIT)
  assert.throws(() => printEnvelope({ ...envelope, payload }), /longer than 1048576/)
})
