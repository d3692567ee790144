import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declaredSignatures, isSaidToBeSignature } from '../../../src/formats/nix/declared-signatures.ts'
import type { Derivation } from '../../../src/formats/nix/derivation.ts'
import { refuses } from '../../support/refuses.ts'

const SIGNATURE = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-tool.tar.asc'
const LIST = '/nix/store/1c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-SHA256SUMS'
const RECORD = { subject: 'out', signature: SIGNATURE }

/** A derivation with these variables, as byte strings. */
function withEnv(env: Readonly<Record<string, string>>): Derivation {
  return {
    version: undefined,
    outputs: [],
    inputDerivations: [],
    inputSources: [],
    system: 'builtin',
    builder: 'builtin:fetchurl',
    args: [],
    env: Object.entries(env).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]),
  }
}

function saying(value: unknown): Derivation {
  return withEnv({ nixsigSignatures: typeof value === 'string' ? value : JSON.stringify(value) })
}

test('a derivation without the attribute declares no signatures', () => {
  assert.deepEqual(declaredSignatures(withEnv({ name: 'x' })), [])
  assert.deepEqual(declaredSignatures(saying([])), [])
})

test('reads all fields of a signature', () => {
  const record = {
    subject: LIST,
    signature: SIGNATURE,
    kind: 'openpgp',
    checksums: LIST,
    fileName: 'größe 1.0.tar',
  }
  assert.deepEqual(declaredSignatures(saying([RECORD, record])), [RECORD, record])
})

test('structured attributes work too, whatever else they contain', () => {
  const nixsigSignatures = JSON.stringify([RECORD])
  const attributes = { deep: [[{ fraction: 0.5 }]], nixsigRole: 'signature', nixsigSignatures }
  const derivation = withEnv({ __json: JSON.stringify(attributes) })
  assert.deepEqual(declaredSignatures(derivation), [RECORD])
  assert.equal(isSaidToBeSignature(derivation), true)
  assert.deepEqual(declaredSignatures(withEnv({ __json: '{"name":"x"}' })), [])
})

test('64 signatures are read, and no more', () => {
  assert.equal(declaredSignatures(saying(Array(64).fill(RECORD))).length, 64)
  assert.throws(() => declaredSignatures(saying(Array(65).fill(RECORD))), /more than 64 entries/)
})

const REFUSED: Readonly<Record<string, readonly [said: unknown, reason: RegExp]>> = {
  'an empty text': ['', /expected a value/],
  'an object': [{}, /must be a list/],
  'a list of texts': [[SIGNATURE], /must be an object \(\[0\]\)/],
  'a record without a subject': [[{ signature: SIGNATURE }], /field "subject" is missing/],
  'a record without a signature': [[{ subject: 'out' }], /field "signature" is missing/],
  'an unknown field': [[{ ...RECORD, trusted: 'yes' }], /unknown field "trusted"/],
  'a repeated field': [
    `[{"subject":"out","subject":"out","signature":"${SIGNATURE}"}]`,
    /key "subject" is repeated/,
  ],
  'another output': [[{ ...RECORD, subject: 'dev' }], /not in \/nix\/store/],
  'a path below a store path': [
    [{ ...RECORD, signature: `${SIGNATURE}/x` }],
    /more than a path directly in the store/,
  ],
  'a path out of the store': [
    [{ ...RECORD, signature: '/nix/store/../../etc/passwd' }],
    /more than a path directly/,
  ],
  'a path elsewhere': [
    [{ ...RECORD, checksums: '/etc/passwd' }],
    /not in \/nix\/store.*\(\[0\]\.checksums\)/,
  ],
  'a kind that is not a word': [[{ ...RECORD, kind: 'open pgp' }], /a word in small letters/],
  'a file name with a directory': [[{ ...RECORD, fileName: '../x' }], /without a directory/],
  'an empty file name': [[{ ...RECORD, fileName: '' }], /the name of a file/],
  'a file name that controls a terminal': [[{ ...RECORD, fileName: '\u001b[2J' }], /the name of a file/],
  'lists in lists': ['[[[[]]]]', /nested deeper than 2/],
  'a text of a megabyte': [' '.repeat(1024 * 1024), /longer than 65536/],
}
for (const [what, [said, reason]] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    refuses(() => declaredSignatures(saying(said)), reason)
  })
}

test('refused: declared both in the environment and in structured attributes', () => {
  const nixsigSignatures = JSON.stringify([RECORD])
  const derivation = withEnv({ __json: JSON.stringify({ nixsigSignatures }), nixsigSignatures })
  assert.throws(() => declaredSignatures(derivation), /said twice/)
})

test('refused: structured attributes in which it is repeated, or not a string', () => {
  const twice = '{"nixsigSignatures":"[]","nixsigSignatures":"[]"}'
  assert.throws(() => declaredSignatures(withEnv({ __json: twice })), /is repeated/)
  assert.throws(() => declaredSignatures(withEnv({ __json: '{"nixsigSignatures":[]}' })), /must be a string/)
})

test('refused: bytes that are not UTF-8', () => {
  const derivation = { ...withEnv({}), env: [['nixsigSignatures', '[\xff]'] as const] }
  assert.throws(() => declaredSignatures(derivation), /not UTF-8/)
})

test('only the exact word declares a fetched file as a signature', () => {
  for (const role of ['', 'Signature', 'signature ', 'source']) {
    assert.equal(isSaidToBeSignature(withEnv({ nixsigRole: role })), false, role)
  }
  assert.equal(isSaidToBeSignature(withEnv({ nixsigRole: 'signature' })), true)
  const twice = '{"nixsigRole":"x","nixsigRole":"signature"}'
  assert.equal(isSaidToBeSignature(withEnv({ __json: twice })), false)
})
