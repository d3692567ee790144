/** Secret keys protected by a passphrase. Hooks never use them: nobody is there to type it. */
import {
  type EncryptedKey,
  openPart,
  parseEncryptedKey,
  printEncryptedKey,
  USUAL_COST,
} from '../formats/keys/encrypted-key.ts'
import { printable } from '../primitives/printable.ts'
import { argon2id, decrypt, ed25519KeyPair, encrypt, randomBytes, wipe } from '../primitives/sodium.ts'
import type { KeyPair } from './secret-key.ts'

/** Limit on the UTF-8 bytes of a passphrase. */
const LENGTH_LIMIT = 1024

/** A passphrase that is wrong, empty or too long. */
export class PassphraseError extends Error {
  override readonly name = 'PassphraseError'
}

/**
 * The text of a key file that only this passphrase opens. Takes half a second. Throws
 * PassphraseError if it is empty or too long.
 */
export function encryptKey({ name, publicKey, secretKey }: KeyPair, passphrase: string): string {
  const open = { name, publicKey, cost: USUAL_COST, salt: randomBytes(16) }
  const nonce = randomBytes(24)
  return withKey(open, passphrase, key => {
    const ciphertext = encrypt(secretKey.subarray(0, 32), contextOf(open), nonce, key)
    return printEncryptedKey({ ...open, nonce, ciphertext })
  })
}

/**
 * Decrypts the key pair in the text of a key file. Throws FormatError if the text is malformed, and
 * PassphraseError if the passphrase is wrong or the file was changed, which cannot be told apart.
 */
export function decryptKey(text: string, passphrase: string): KeyPair {
  const encrypted = parseEncryptedKey(text)
  const { name, publicKey, nonce, ciphertext } = encrypted
  const seed = withKey(encrypted, passphrase, key => decrypt(ciphertext, contextOf(encrypted), nonce, key))
  if (seed === undefined) {
    throw new PassphraseError(`not the passphrase of the key ${printable(name)}, or its file was changed`)
  }
  const pair = ed25519KeyPair(seed)
  wipe(seed)
  if (!Buffer.from(pair.publicKey).equals(publicKey)) {
    throw new PassphraseError(
      `the public half of the key ${printable(name)} does not belong to its secret half`,
    )
  }
  return { name, ...pair }
}

type Open = Omit<EncryptedKey, 'nonce' | 'ciphertext'>

function contextOf(open: Open): Uint8Array {
  return Buffer.from(openPart(open), 'latin1')
}

function withKey<T>({ cost, salt }: Open, passphrase: string, use: (key: Uint8Array) => T): T {
  const bytes = Buffer.from(passphrase, 'utf8')
  if (bytes.length === 0) throw new PassphraseError('an empty passphrase protects nothing')
  if (bytes.length > LENGTH_LIMIT)
    throw new PassphraseError(`a passphrase of more than ${LENGTH_LIMIT} bytes`)
  const key = argon2id(bytes, salt, cost)
  try {
    return use(key)
  } finally {
    wipe(bytes)
    wipe(key)
  }
}
