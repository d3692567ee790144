/** The functions of sodium-native that nixsig calls (the package has no types of its own). */
declare module 'sodium-native' {
  export function crypto_aead_xchacha20poly1305_ietf_decrypt(
    plaintext: Uint8Array,
    secretNonce: null,
    ciphertext: Uint8Array,
    context: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
  export function crypto_aead_xchacha20poly1305_ietf_encrypt(
    ciphertext: Uint8Array,
    plaintext: Uint8Array,
    context: Uint8Array,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
  export const crypto_generichash_STATEBYTES: number
  export function crypto_generichash(output: Uint8Array, input: Uint8Array): void
  export function crypto_generichash_init(state: Uint8Array, key: null, size: number): void
  export function crypto_generichash_update(state: Uint8Array, input: Uint8Array): void
  export function crypto_generichash_final(state: Uint8Array, output: Uint8Array): void
  export function crypto_hash_sha256(output: Uint8Array, input: Uint8Array): void
  export function crypto_pwhash(
    output: Uint8Array,
    password: Uint8Array,
    salt: Uint8Array,
    passes: number,
    memory: number,
    algorithm: number,
  ): void
  export function crypto_sign_detached(
    signature: Uint8Array,
    message: Uint8Array,
    secretKey: Uint8Array,
  ): void
  export function crypto_sign_seed_keypair(
    publicKey: Uint8Array,
    secretKey: Uint8Array,
    seed: Uint8Array,
  ): void
  export function crypto_sign_verify_detached(
    signature: Uint8Array,
    message: Uint8Array,
    publicKey: Uint8Array,
  ): boolean
  export function randombytes_buf(buffer: Uint8Array): void
  export function sodium_memzero(buffer: Uint8Array): void
}
