/**
 * libsodium, the only implementation of Ed25519 that nixsig trusts: node:crypto accepts signatures
 * by small-order keys, which libsodium refuses. Importing this file loads the native addon; if that
 * fails, the program does not start.
 */
import sodium from 'sodium-native'

/** SHA-256 (FIPS 180-4) of a whole message: 32 bytes. For streams use node:crypto. */
export function sha256(message: Uint8Array): Uint8Array {
  const digest = new Uint8Array(32)
  sodium.crypto_hash_sha256(digest, message)
  return digest
}

/** BLAKE2b-512 (RFC 7693), unkeyed: 64 bytes. */
export function blake2b512(message: Uint8Array): Uint8Array {
  const digest = new Uint8Array(64)
  sodium.crypto_generichash(digest, message)
  return digest
}

/** A hash that takes its message in pieces, with the interface of node:crypto. */
export interface StreamedHash {
  update(piece: Uint8Array): unknown
  digest(): Uint8Array
}

/** BLAKE2b with a digest of this many bytes, 16 to 64 (RFC 7693). */
export function blake2bInPieces(size: number): StreamedHash {
  const state = new Uint8Array(sodium.crypto_generichash_STATEBYTES)
  sodium.crypto_generichash_init(state, null, size)
  return {
    update: piece => sodium.crypto_generichash_update(state, piece),
    digest: () => {
      const digest = new Uint8Array(size)
      sodium.crypto_generichash_final(state, digest)
      return digest
    },
  }
}

/**
 * Whether this key made this signature (Ed25519, RFC 8032) over this message. Takes raw bytes.
 * False for a signature that is not 64 bytes long or a key that is not 32.
 */
export function verifyEd25519(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.byteLength !== 64 || publicKey.byteLength !== 32) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/**
 * Signs with a 64-byte secret key (seed, then public key). Returns the 64-byte signature. Throws on
 * a key of another length.
 */
export function signEd25519(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  sodium.crypto_sign_detached(signature, message, secretKey)
  return signature
}

/**
 * The key pair of a 32-byte seed: a public key of 32 bytes and a secret key of 64 (seed, then
 * public key).
 */
export function ed25519KeyPair(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

/** This many bytes from the system's random generator. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  sodium.randombytes_buf(bytes)
  return bytes
}

/** The cost of trying one passphrase: passes over so many KiB of memory (RFC 9106). */
export interface Argon2Cost {
  readonly passes: number
  readonly kibibytes: number
}

/**
 * Derives a 32-byte key from a passphrase and a 16-byte salt by Argon2id with one lane (RFC 9106).
 * Allocates the memory that `kibibytes` says.
 */
export function argon2id(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { passes, kibibytes }: Argon2Cost,
): Uint8Array {
  const key = new Uint8Array(32)
  sodium.crypto_pwhash(key, passphrase, salt, passes, kibibytes * 1024, ARGON2ID13)
  return key
}

/** libsodium's number for Argon2id of version 1.3. */
const ARGON2ID13 = 2

/**
 * Encrypts and authenticates with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03). Returns the
 * ciphertext followed by a 16-byte tag that covers it and `context`. The key has 32 bytes; the
 * nonce has 24 and must never be used twice with one key.
 */
export function encrypt(
  plaintext: Uint8Array,
  context: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array {
  const ciphertext = new Uint8Array(plaintext.byteLength + 16)
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(ciphertext, plaintext, context, null, nonce, key)
  return ciphertext
}

/**
 * Decrypts the output of `encrypt`; undefined if the ciphertext, the context, the nonce or the key
 * is not the same.
 */
export function decrypt(
  ciphertext: Uint8Array,
  context: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.byteLength < 16) return undefined
  const plaintext = new Uint8Array(ciphertext.byteLength - 16)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext, null, ciphertext, context, nonce, key)
    return plaintext
  } catch {
    return undefined
  }
}

/** Overwrites a secret that is no longer needed. Copies that the runtime made are not reached. */
export function wipe(secret: Uint8Array): void {
  sodium.sodium_memzero(secret)
}
