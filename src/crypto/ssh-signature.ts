/** Verifies SSH signatures: over files, over git tags and commits, and by agents over messages. */
import { ecdsaFromSsh } from '../formats/keys/ecdsa-signature.ts'
import { type SshPublicKey, sshAlgorithm, sshBlobFingerprint, sshKeyBlob } from '../formats/ssh/key.ts'
import { type SshSignature, type SshSignatureHash, sshSignedData } from '../formats/ssh/sshsig.ts'
import { type WireReader, wireReader, wireUint32 } from '../formats/ssh/wire.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { sha256 } from '../primitives/sodium.ts'
import { type HashName, hashOfCurve, verifySignature } from './public-key.ts'

const FORMAT = 'SSH signature'

/**
 * The flag of a security key's signature that says that somebody touched it (WebAuthn, section
 * 6.1).
 */
const USER_PRESENT = 0x01

/** The result of an SSH signature for one key. `detail` is escaped and fit for a message. */
export interface SshSignatureResult {
  readonly outcome:
    | 'good'
    | 'unknown-signer' // it names another key
    | 'bad-signature' // it names this key and does not verify
    | 'unacceptable' // for another namespace, or nobody touched the security key
  readonly detail: string
}

/**
 * Verifies whether this key made an SSH signature, for one of these namespaces, over the message
 * that `digestOf` hashes (raw bytes). `digestOf` is called at most once, and only if the signature
 * names the key.
 */
export async function verifySshSignature(question: {
  readonly signature: SshSignature
  readonly digestOf: (hash: SshSignatureHash) => Uint8Array | Promise<Uint8Array>
  readonly key: SshPublicKey
  readonly namespaces: readonly string[]
}): Promise<SshSignatureResult> {
  const { signature, digestOf, key, namespaces } = question
  const { keyBlob, namespace, hash } = signature
  if (Buffer.compare(keyBlob, sshKeyBlob(key)) !== 0) {
    return { outcome: 'unknown-signer', detail: `SSH key ${sshBlobFingerprint(keyBlob)}` }
  }
  const message = sshSignedData(namespace, hash, await digestOf(hash))
  const result = await verifySshBlob(message, signature.signature, key)
  if (result.outcome !== 'good') return result
  if (namespaces.includes(namespace)) return { outcome: 'good', detail: madeFor(namespace) }
  return { outcome: 'unacceptable', detail: `${madeFor(namespace)}, accepted: ${namespaceWords(namespaces)}` }
}

/** What a signature was made for, in messages. */
export function madeFor(namespace: string): string {
  return `made for the namespace "${printable(namespace)}"`
}

/** The accepted namespaces, in messages. */
export function namespaceWords(namespaces: readonly string[]): string {
  return namespaces.length === 0 ? 'none' : namespaces.map(name => printable(name)).join(', ')
}

/**
 * Verifies a bare signature over a message, in the form that SSH uses and agents return (the
 * algorithm and its data): RFC 4253, section 6.6; RFC 5656, section 3.1.2; RFC 8332; RFC 8709; and
 * PROTOCOL.u2f for security keys, whose signatures must say that somebody was present. The
 * algorithm must be the key's; RSA with SHA-256 or SHA-512.
 */
export async function verifySshBlob(
  message: Uint8Array,
  signature: Uint8Array,
  key: SshPublicKey,
): Promise<SshSignatureResult> {
  let parts: SignatureParts | string
  try {
    parts = partsOf(signature, key)
  } catch (error) {
    if (error instanceof FormatError) return { outcome: 'bad-signature', detail: error.message }
    throw error
  }
  if (typeof parts === 'string') return { outcome: 'unacceptable', detail: parts }
  const { presence, algorithm, ...signed } = parts
  const bytes = signedBytes(message, key, presence)
  if (!(await verifySignature(key, { ...signed, message: bytes, encoding: 'fixed' }))) {
    return { outcome: 'bad-signature', detail: 'does not verify' }
  }
  if (presence !== undefined && (presence.flags & USER_PRESENT) === 0) {
    return { outcome: 'unacceptable', detail: 'the security key does not say that anybody touched it' }
  }
  return { outcome: 'good', detail: algorithm }
}

/**
 * The data that a security key inserts between the hashes of its application and of the message.
 */
interface Presence {
  readonly flags: number
  readonly counter: number
}

interface SignatureParts {
  readonly algorithm: string
  readonly hash: HashName
  /** As `verifySignature` takes it, with ECDSA's halves of fixed size. */
  readonly signature: Uint8Array
  readonly presence?: Presence
}

/** Splits a signature, or says why it proves too little. Throws FormatError. */
function partsOf(blob: Uint8Array, key: SshPublicKey): SignatureParts | string {
  const reader = wireReader(blob, FORMAT)
  const algorithm = reader.name()
  const accepted = algorithmsOf(key)
  const hash = accepted.get(algorithm)
  if (hash === undefined) {
    return `made by ${printable(algorithm, 80)}, and accepted is ${[...accepted.keys()].join(' or ')}`
  }
  const raw = reader.string()
  const presence = key.application === undefined ? undefined : readPresence(reader)
  reader.end()
  const signature = fixedSize(raw, key)
  const parts = { algorithm, hash, signature }
  return presence === undefined ? parts : { ...parts, presence }
}

/** The algorithms that a key may sign with, and the hash of each. */
function algorithmsOf(key: SshPublicKey): ReadonlyMap<string, HashName> {
  if (key.kind === 'rsa')
    return new Map([
      ['rsa-sha2-512', 'sha512'],
      ['rsa-sha2-256', 'sha256'],
    ] as const)
  const hash = key.kind === 'ecdsa' ? hashOfCurve(key.curve) : 'sha512'
  return new Map([[sshAlgorithm(key), hash]])
}

function readPresence(reader: WireReader): Presence {
  return { flags: reader.byte(), counter: reader.uint32() }
}

/**
 * Restores leading zeros of an RSA signature: some agents drop them, and OpenSSH restores them too.
 */
function fixedSize(raw: Uint8Array, key: SshPublicKey): Uint8Array {
  if (key.kind === 'ecdsa') return ecdsaFromSsh(raw, key.curve)
  const missing = key.kind === 'rsa' ? key.modulus.length - raw.length : 0
  return missing > 0 ? Buffer.concat([new Uint8Array(missing), raw]) : raw
}

function signedBytes(message: Uint8Array, key: SshPublicKey, presence: Presence | undefined): Uint8Array {
  if (presence === undefined || key.application === undefined) return message
  const { flags, counter } = presence
  const application = sha256(Buffer.from(key.application, 'latin1'))
  return Buffer.concat([application, Buffer.of(flags), wireUint32(counter), sha256(message)])
}
