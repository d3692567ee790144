import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { storeSignatureEvidence } from '../../src/evidence/store-signatures.ts'
import { narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello'
const OTHER = '/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-hello'
const path = { path: PATH, narHash: 'ab'.repeat(32), narSize: 120, references: [PATH] }

const cache = generateKey('cache-1')
const stranger = generateKey('stranger-1')

const policy = parsePolicy({
  toml: `version = 1
mode = "enforce"
[attestations]
directories = []
[principals.cache]
keys = ["${printNixPublicKey(cache)}"]
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = "cache"
`,
  file: 'policy.toml',
  directory: '/etc/nixsig',
  certificate: () => new Uint8Array(),
})

function sign(key: KeyPair, name: string, signed: Parameters<typeof narFingerprint>[0] = path): string {
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  return printNixSignature({ name, signature: signEd25519(message, key.secretKey) })
}

const ask = (...signatures: readonly string[]) =>
  storeSignatureEvidence(policy, { ...path, signatures }, 'db')

test('a signature by a listed key is a builder’s claim about these contents', () => {
  const { claims, strays } = ask(sign(cache, 'cache-1'))
  assert.deepEqual(strays, [])
  assert.deepEqual(claims, [
    {
      key: `ed25519:${toHex(cache.publicKey)}`,
      role: 'builder',
      path: PATH,
      narHash: path.narHash,
      references: [...path.references].sort(),
      trace: 'nix',
      origin: 'db',
    },
  ])
})

test('the name is a hint: a listed key under another name counts, another key under the listed name does not', () => {
  assert.equal(ask(sign(cache, 'renamed-7')).claims.length, 1)
  const forged = ask(sign(stranger, 'cache-1'))
  assert.deepEqual(forged.claims, [])
  assert.deepEqual(forged.strays, [{ problem: 'bad-signature', origin: 'db', detail: 'cache-1' }])
})

test('a stranger’s signature, and malformed signatures, are strays', () => {
  const { claims, strays } = ask(sign(stranger, 'stranger-1'), 'cache-1', 'cache-1:AAAA', '')
  assert.deepEqual(claims, [])
  assert.deepEqual(strays.map(({ problem }) => problem).sort(), [
    'bad-signature',
    'bad-signature',
    'bad-signature',
    'unknown-signer',
  ])
})

for (const [what, signed] of [
  ['path', { ...path, path: OTHER }],
  ['contents', { ...path, narHash: 'cd'.repeat(32) }],
  ['size', { ...path, narSize: 121 }],
  ['references', { ...path, references: [PATH, OTHER] }],
] as const) {
  test(`attack: a valid signature over another ${what}`, () => {
    assert.deepEqual(ask(sign(cache, 'cache-1', { ...path, ...signed })).claims, [])
  })
}

test('attack: so many signatures by strangers that the valid one comes late', () => {
  const crowd = Array.from({ length: 1000 }, (_, index) => sign(stranger, `crowd-${index}`))
  const { claims, strays } = ask(...crowd, sign(cache, 'cache-1'))
  assert.equal(claims.length, 1)
  assert.match(strays.at(-1)?.detail ?? '', /only 256 of 1001/)
})
