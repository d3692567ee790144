import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EncryptedKey,
  looksEncrypted,
  parseEncryptedKey,
  printEncryptedKey,
} from '../../../src/formats/keys/encrypted-key.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const KEY: EncryptedKey = {
  name: 'alice-1',
  publicKey: new Uint8Array(32).fill(1),
  cost: { passes: 3, kibibytes: 262_144 },
  salt: new Uint8Array(16).fill(2),
  nonce: new Uint8Array(24).fill(3),
  ciphertext: new Uint8Array(48).fill(4),
}
const TEXT = printEncryptedKey(KEY)

test('the text of an encrypted key can be read back', () => {
  assert.equal(
    TEXT,
    `nixsig encrypted secret key 1
name alice-1
public-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
argon2id 3 262144 AgICAgICAgICAgICAgICAg==
xchacha20-poly1305 AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE
`,
  )
  assert.ok(looksEncrypted(TEXT))
  assert.deepEqual(parseEncryptedKey(TEXT), KEY)
})

test('a Nix key is not an encrypted key', () => {
  assert.equal(looksEncrypted('alice-1:AAAA'), false)
})

for (const [what, text, reason] of [
  ['that is cut off', TEXT.slice(0, -1), /not five whole lines/],
  ['with a line too many', `${TEXT}more\n`, /not five whole lines/],
  ['with DOS line ends', TEXT.replaceAll('\n', '\r\n'), /of another version/],
  ['of another version', TEXT.replace('key 1', 'key 2'), /of another version/],
  ['whose fields are in another order', swapped(TEXT), /must be "name" and 1 fields/],
  ['with two spaces', TEXT.replace('name ', 'name  '), /must be "name" and 1 fields/],
  ['with a name that has a colon', TEXT.replace('alice-1', 'a:b'), /not a valid name/],
  ['with a name with a control character', TEXT.replace('alice-1', 'a\u001b'), /not a valid name/],
  ['with a short public key', TEXT.replace(/^(public-key ).*/m, '$1AQE='), /2 bytes where there must be 32/],
  ['with unpadded base 64', TEXT.replace('AQE=', 'AQE'), /not standard padded base 64/],
  ['that takes four gigabytes', TEXT.replace('262144', '4194304'), /kibibytes of Argon2id not from/],
  ['that takes exabytes', TEXT.replace('262144', '9'.repeat(18)), /kibibytes of Argon2id not from/],
  ['that takes days', TEXT.replace(' 3 ', ' 4000 '), /passes of Argon2id not from 3 to 16/],
  ['that is cheap to guess', TEXT.replace('262144', '8192'), /kibibytes of Argon2id not from/],
  ['whose number has a leading zero', TEXT.replace(' 3 ', ' 03 '), /passes of Argon2id/],
  ['whose number is hexadecimal', TEXT.replace(' 3 ', ' 0x3 '), /passes of Argon2id/],
  ['without its tag', TEXT.replace(/BAQE\n$/, '\n'), /45 bytes where there must be 48/],
  ['that is huge', TEXT.replace('alice-1', 'a'.repeat(5000)), /longer than/],
] as const) {
  test(`attack: an encrypted key ${what}`, () => {
    assert.throws(
      () => parseEncryptedKey(text),
      (error: unknown) => error instanceof FormatError && reason.test(error.message),
    )
  })
}

function swapped(text: string): string {
  const [first, second, third, ...rest] = text.split('\n')
  return [first, third, second, ...rest].join('\n')
}
