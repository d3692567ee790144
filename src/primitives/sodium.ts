/**
 * libsodium, the one implementation of Ed25519 that nixsig trusts: node:crypto accepts signatures by small-order keys
 * that libsodium refuses. Importing this file loads the native addon; if that fails the program does not start.
 */
import sodium from 'sodium-native'

/** SHA-256 (FIPS 180-4) of a whole message: 32 bytes. For streams of any length use node:crypto. */
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

/** A hash that takes its message in pieces, as node:crypto's do. */
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
 * Whether a signature (RFC 8032, Ed25519) is this key's over this message.
 * Takes raw bytes; a signature that is not 64 bytes long or a key that is not 32 verifies nothing: false.
 */
export function verifyEd25519(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.byteLength !== 64 || publicKey.byteLength !== 32) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/** Signs with a 64-byte secret key (seed, then public key); returns the 64-byte signature. Throws on other lengths. */
export function signEd25519(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  sodium.crypto_sign_detached(signature, message, secretKey)
  return signature
}

/** The key pair that a 32-byte seed makes: 32 bytes public, 64 bytes secret (seed, then public key). */
export function ed25519KeyPair(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  return { publicKey, secretKey }
}

/** So many bytes from the system's random generator. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  sodium.randombytes_buf(bytes)
  return bytes
}

/** How much work it is to try a passphrase: passes over so many KiB of memory (RFC 9106). */
export interface Argon2Cost {
  readonly passes: number
  readonly kibibytes: number
}

/** The 32-byte key that a passphrase makes with a 16-byte salt, by Argon2id in one lane (RFC 9106). Takes that memory. */
export function argon2id(
  passphrase: Uint8Array,
  salt: Uint8Array,
  { passes, kibibytes }: Argon2Cost,
): Uint8Array {
  const key = new Uint8Array(32)
  sodium.crypto_pwhash(key, passphrase, salt, passes, kibibytes * 1024, ARGON2ID13)
  return key
}

/** What libsodium's crypto_pwhash calls Argon2id of version 1.3. */
const ARGON2ID13 = 2

/**
 * Encrypts and authenticates by XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): the ciphertext and, behind it, 16 bytes
 * that vouch for both it and `context`. Key of 32 bytes; nonce of 24, never used twice with one key.
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

/** What `encrypt` encrypted; undefined if anything of it, the context or the key is another. */
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

/** Overwrites a secret that is no longer needed, as far as the runtime has made no copies of it. */
export function wipe(secret: Uint8Array): void {
  sodium.sodium_memzero(secret)
}
