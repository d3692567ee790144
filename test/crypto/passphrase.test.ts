import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decryptKey, encryptKey, PassphraseError } from '../../src/crypto/passphrase.ts'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { toBase64 } from '../../src/primitives/base64.ts'

const PASSPHRASE = 'Korrekt Pferd · Batterie'
const KEY = generateKey('alice-1')
const TEXT = encryptKey(KEY, PASSPHRASE)

const refuses = (text: string, passphrase: string, reason: RegExp) =>
  assert.throws(
    () => decryptKey(text, passphrase),
    (error: unknown) => error instanceof PassphraseError && reason.test(error.message),
  )

test('a key is decrypted with its passphrase, and its secret is not in the text', () => {
  assert.deepEqual(decryptKey(TEXT, PASSPHRASE), KEY)
  assert.ok(!TEXT.includes(toBase64(KEY.secretKey).slice(0, 40)))
  assert.notEqual(encryptKey(KEY, PASSPHRASE), TEXT, 'salt and nonce are new each time')
})

test('another passphrase, an empty one and one that is too long open nothing', () => {
  refuses(TEXT, `${PASSPHRASE} `, /not the passphrase of the key alice-1, or its file was changed/)
  refuses(TEXT, '', /an empty passphrase protects nothing/)
  refuses(TEXT, 'x'.repeat(1025), /more than 1024 bytes/)
  assert.throws(() => encryptKey(KEY, ''), PassphraseError)
})

test('attack: any part of the file changed, plain or encrypted', () => {
  const other = toBase64(generateKey('mallory').publicKey)
  const flip = (text: string) => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`)
  for (const changed of [
    TEXT.replace('alice-1', 'alice-2'),
    TEXT.replace(/^(public-key ).*/m, `$1${other}`),
    TEXT.replace(/^(argon2id 3 \d+ )(.*)/m, (_, head: string, salt: string) => head + flip(salt)),
    TEXT.replace(/^(xchacha20-poly1305 )(.*)/m, (_, head: string, rest: string) => head + flip(rest)),
    TEXT.replace(/^(xchacha20-poly1305 \S+ )(.*)/m, (_, head: string, rest: string) => head + flip(rest)),
  ]) {
    assert.notEqual(changed, TEXT)
    refuses(changed, PASSPHRASE, /not the passphrase of the key|its file was changed/)
  }
})
