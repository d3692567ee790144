/**
 * Nix's keys and signatures (Nix manual, "Verifying store objects with signatures"):
 * `name:<base64>`, all Ed25519.
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { ed25519KeyPair } from '../../primitives/sodium.ts'

const NAME_LIMIT = 256
const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64
const SIGNATURE_BYTES = 64
const SEED_BYTES = 32

/** A public key. Its name is only a hint: anybody can give a key any name. */
export interface NixPublicKey {
  readonly name: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
}

/** A secret key. */
export interface NixSecretKey {
  readonly name: string
  /** 64 raw bytes: the seed, then the public key. */
  readonly secretKey: Uint8Array
}

/** A signature. */
export interface NixSignature {
  /** The name of the key that claims to have signed. */
  readonly name: string
  /** 64 raw bytes. */
  readonly signature: Uint8Array
}

/** Parses a public key, as in `trusted-public-keys`. Throws FormatError. */
export function parseNixPublicKey(text: string): NixPublicKey {
  const { name, bytes } = parseNamed(text, 'Nix public key', PUBLIC_KEY_BYTES)
  return { name, publicKey: bytes }
}

/**
 * Parses a secret key, as in a key file, with an optional final newline. Throws FormatError, also
 * if the public half does not belong to the seed: a signature by such a key would reveal the seed.
 * Messages never quote the key.
 */
export function parseNixSecretKey(text: string): NixSecretKey {
  const format = 'Nix secret key'
  const { name, bytes } = parseNamed(text.replace(/\n$/, ''), format, SECRET_KEY_BYTES)
  const { secretKey } = ed25519KeyPair(bytes.subarray(0, SEED_BYTES))
  if (!Buffer.from(secretKey).equals(bytes)) {
    throw new FormatError(format, 'its public half does not belong to its secret half', `key ${name}`)
  }
  return { name, secretKey: bytes }
}

/**
 * Parses a signature, as in the `Sig` field of narinfo files and in Nix's database. Throws
 * FormatError.
 */
export function parseNixSignature(text: string): NixSignature {
  const { name, bytes } = parseNamed(text, 'Nix signature', SIGNATURE_BYTES)
  return { name, signature: bytes }
}

/** Prints a public key as parseNixPublicKey reads it. */
export function printNixPublicKey({ name, publicKey }: NixPublicKey): string {
  return `${name}:${toBase64(publicKey)}`
}

/** Prints a secret key as parseNixSecretKey reads it, without a newline. */
export function printNixSecretKey({ name, secretKey }: NixSecretKey): string {
  return `${name}:${toBase64(secretKey)}`
}

/** Prints a signature as parseNixSignature reads it. */
export function printNixSignature({ name, signature }: NixSignature): string {
  return `${name}:${toBase64(signature)}`
}

/**
 * A name of visible ASCII characters, a colon, and the base64 of this many bytes. Throws
 * FormatError.
 */
function parseNamed(text: string, format: string, byteCount: number): { name: string; bytes: Uint8Array } {
  const colon = text.indexOf(':')
  if (colon < 0) throw new FormatError(format, 'no colon after its name', `length ${text.length}`)
  const name = text.slice(0, colon)
  if (name.length > NAME_LIMIT || !/^[!-~]+$/.test(name)) {
    throw new FormatError(
      format,
      `name is not 1 to ${NAME_LIMIT} visible characters`,
      `length ${name.length}`,
    )
  }
  const where = `key ${name}`
  const bytes = decode(text.slice(colon + 1), format, where)
  if (bytes.byteLength !== byteCount) {
    throw new FormatError(format, `${bytes.byteLength} bytes where it has ${byteCount}`, where)
  }
  return { name, bytes }
}

function decode(text: string, format: string, where: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(format, 'not standard padded base 64 after the colon', where, { cause: error })
  }
}
