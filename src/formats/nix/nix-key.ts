/** Nix's keys and signatures (Nix manual, "Verifying store objects with signatures"): `name:<base 64>`, all Ed25519. */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { ed25519KeyPair } from '../../primitives/sodium.ts'

const NAME_LIMIT = 256
const PUBLIC_KEY_BYTES = 32
const SECRET_KEY_BYTES = 64
const SIGNATURE_BYTES = 64
const SEED_BYTES = 32

/** The name is a hint and nothing more: anybody can call a key anything. */
export interface NixPublicKey {
  readonly name: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
}

export interface NixSecretKey {
  readonly name: string
  /** 64 raw bytes: the seed, then the public key. */
  readonly secretKey: Uint8Array
}

export interface NixSignature {
  /** The name of the key that is said to have signed. */
  readonly name: string
  /** 64 raw bytes. */
  readonly signature: Uint8Array
}

/** Reads a public key as `trusted-public-keys` holds it. Throws FormatError. */
export function parseNixPublicKey(text: string): NixPublicKey {
  const { name, bytes } = parseNamed(text, 'Nix public key', PUBLIC_KEY_BYTES)
  return { name, publicKey: bytes }
}

/**
 * Reads a secret key as a file holds it; one newline may end it. Throws FormatError, also if the public half is not
 * the seed's: a signature by such a key betrays the seed. No message quotes the key.
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

/** Reads a signature as the `Sig` of a narinfo and Nix's database hold it. Throws FormatError. */
export function parseNixSignature(text: string): NixSignature {
  const { name, bytes } = parseNamed(text, 'Nix signature', SIGNATURE_BYTES)
  return { name, signature: bytes }
}

/** What parseNixPublicKey reads. */
export function printNixPublicKey({ name, publicKey }: NixPublicKey): string {
  return `${name}:${toBase64(publicKey)}`
}

/** What parseNixSecretKey reads, without a newline. */
export function printNixSecretKey({ name, secretKey }: NixSecretKey): string {
  return `${name}:${toBase64(secretKey)}`
}

/** What parseNixSignature reads. */
export function printNixSignature({ name, signature }: NixSignature): string {
  return `${name}:${toBase64(signature)}`
}

/** A name of visible ASCII characters, a colon, and so many bytes of base 64. */
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
