import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  parseNixPublicKey,
  parseNixSecretKey,
  parseNixSignature,
  printNixPublicKey,
  printNixSecretKey,
  printNixSignature,
} from '../../../src/formats/nix/nix-key.ts'
import { toBase64 } from '../../../src/primitives/base64.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { ed25519KeyPair } from '../../../src/primitives/sodium.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

// The key of Nix's public cache, as printed in the Nix manual.
const PUBLISHED = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='
const BASE64_32 = toBase64(new Uint8Array(32))

const nix = privateNix()
after(nix.remove)

test('reads the keys that Nix makes', () => {
  const secretText = nix.say('nix', 'key', 'generate-secret', '--key-name', 'test-1')
  const secret = parseNixSecretKey(secretText)
  assert.equal(secret.name, 'test-1')
  assert.equal(printNixSecretKey(secret), secretText)
  assert.deepEqual(parseNixSecretKey(`${secretText}\n`), secret)

  const publicText = nix.say('sh', '-c', `printf %s '${secretText}' | nix key convert-secret-to-public`)
  const key = parseNixPublicKey(publicText)
  assert.equal(key.name, 'test-1')
  assert.deepEqual(Buffer.from(key.publicKey), Buffer.from(secret.secretKey.subarray(32)))
  assert.equal(printNixPublicKey(key), publicText)
})

test('reads a published key', () => {
  const key = parseNixPublicKey(PUBLISHED)
  assert.equal(key.name, 'cache.nixos.org-1')
  assert.equal(Buffer.from(key.publicKey).toString('hex').slice(0, 16), 'e8d087743e7d5f8d')
  assert.equal(printNixPublicKey(key), PUBLISHED)
})

test('reads back what it prints', () => {
  const names = fc.stringMatching(/^[!-9;-~]{1,256}$/)
  fc.assert(
    fc.property(names, fc.uint8Array({ minLength: 64, maxLength: 64 }), (name, bytes) => {
      const signature = { name, signature: bytes }
      assert.deepEqual(parseNixSignature(printNixSignature(signature)), signature)
      const key = { name, publicKey: bytes.subarray(32) }
      assert.deepEqual(parseNixPublicKey(printNixPublicKey(key)), key)
      const secret = { name, secretKey: ed25519KeyPair(bytes.subarray(32)).secretKey }
      assert.deepEqual(parseNixSecretKey(printNixSecretKey(secret)), secret)
    }),
  )
})

test('refuses a secret key whose public half belongs to another seed', () => {
  const mine = ed25519KeyPair(new Uint8Array(32).fill(1)).secretKey
  const other = ed25519KeyPair(new Uint8Array(32).fill(2)).secretKey
  const mixed = Buffer.concat([mine.subarray(0, 32), other.subarray(32)])
  refuses(() => parseNixSecretKey(`k:${toBase64(mixed)}`), /Nix secret key: its public half does not belong/)
  for (const bit of [0, 100, 255]) {
    const broken = Uint8Array.from(mine)
    broken[32 + (bit >> 3)] = (broken[32 + (bit >> 3)] ?? 0) ^ (1 << (bit & 7))
    refuses(() => parseNixSecretKey(`k:${toBase64(broken)}`), /its public half does not belong/)
  }
})

test('no message about a secret key quotes it', () => {
  const secret = toBase64(ed25519KeyPair(new Uint8Array(32).fill(7)).secretKey)
  const broken = [
    secret,
    `k${secret}`,
    `k:${secret}=`,
    `k:${secret.slice(0, -4)}`,
    `k:x${secret}`,
    `k: ${secret}`,
    `:${secret}`,
  ]
  for (const text of broken) {
    assert.throws(
      () => parseNixSecretKey(text),
      (error: unknown) => {
        assert.ok(error instanceof FormatError)
        for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
          assert.ok(!cause.message.includes(secret.slice(10, 30)), cause.message)
        }
        return true
      },
    )
  }
})

test('refuses bytes of another length', () => {
  refuses(
    () => parseNixPublicKey(`k:${toBase64(new Uint8Array(31))}`),
    /Nix public key: 31 bytes where it has 32/,
  )
  refuses(() => parseNixPublicKey(`k:${toBase64(new Uint8Array(64))}`), /64 bytes where it has 32/)
  refuses(() => parseNixPublicKey('k:'), /0 bytes where it has 32/)
  refuses(() => parseNixSignature(`k:${BASE64_32}`), /Nix signature: 32 bytes where it has 64/)
  refuses(() => parseNixSecretKey(`k:${BASE64_32}`), /Nix secret key: 32 bytes where it has 64/)
})

test('refuses bad names', () => {
  refuses(() => parseNixPublicKey(BASE64_32), /no colon after its name/)
  for (const name of ['', 'a b', ' a', 'a\n', '\u00e4', 'a\0', '\x1b[31m', 'a'.repeat(257)]) {
    refuses(() => parseNixPublicKey(`${name}:${BASE64_32}`), /name is not 1 to 256 visible characters/)
  }
})

test('refuses other spellings of the same bytes', () => {
  const short = BASE64_32.slice(0, -1)
  const spellings = [
    short,
    `${BASE64_32}\n`,
    ` ${BASE64_32}`,
    `${BASE64_32} `,
    `${short}==`,
    `${BASE64_32.slice(0, -2)}B=`,
    `:${BASE64_32}`,
  ]
  for (const text of spellings) {
    refuses(() => parseNixPublicKey(`k:${text}`), /not standard padded base 64 after the colon \(key k\)/)
  }
})
