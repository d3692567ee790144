/** Requests to an SSH agent and its answers (draft-miller-ssh-agent; RFC 8332 for RSA hashes). */
import { FormatError } from '../../primitives/format-error.ts'
import { wireReader, wireString, wireUint32 } from './wire.ts'

const FORMAT = 'answer of the SSH agent'

/** Limit on the bytes of a message, without its length field; the same as in OpenSSH's agent. */
export const AGENT_MESSAGE_LIMIT = 256 * 1024

const IDENTITY_LIMIT = 1024
const COMMENT_LIMIT = 1024

/** Draft, section 7.1 to 7.3. */
const MESSAGE = { failure: 5, requestIdentities: 11, identities: 12, signRequest: 13, signature: 14 } as const
const RSA_SHA2_512 = 4

/** A key in an agent. */
export interface AgentIdentity {
  /** The wire form of a public key of any algorithm, or of a certificate. */
  readonly keyBlob: Uint8Array
  /** Not escaped. */
  readonly comment: string
}

/** The request for the list of keys, with its length in front. */
export function identitiesRequest(): Uint8Array {
  return wireString(Uint8Array.of(MESSAGE.requestIdentities))
}

/**
 * The request to sign data, with its length in front. It asks RSA keys for SHA-512; other keys
 * ignore that. Throws FormatError if the data is too long for an agent.
 */
export function signRequest(keyBlob: Uint8Array, data: Uint8Array): Uint8Array {
  const message = Buffer.concat([
    Buffer.of(MESSAGE.signRequest),
    wireString(keyBlob),
    wireString(data),
    wireUint32(RSA_SHA2_512),
  ])
  if (message.length <= AGENT_MESSAGE_LIMIT) return wireString(message)
  throw new FormatError('request to the SSH agent', 'more than an agent takes', `${data.length} bytes`)
}

/** The keys in an answer; undefined if the agent refused. Throws FormatError. */
export function parseIdentities(answer: Uint8Array): readonly AgentIdentity[] | undefined {
  const reader = readerOf(answer, MESSAGE.identities)
  if (reader === undefined) return undefined
  const count = reader.uint32()
  if (count > IDENTITY_LIMIT)
    throw new FormatError(FORMAT, `more than ${IDENTITY_LIMIT} keys`, `${count} keys`)
  const identities = Array.from({ length: count }, () => {
    const keyBlob = reader.string()
    const comment = Buffer.from(reader.string()).toString('utf8')
    if (comment.length > COMMENT_LIMIT) {
      throw new FormatError(FORMAT, `a comment of more than ${COMMENT_LIMIT} characters`, 'its keys')
    }
    return { keyBlob, comment }
  })
  reader.end()
  return identities
}

/**
 * The signature in an answer, in SSH's form; undefined if the agent refused. Throws FormatError.
 */
export function parseAgentSignature(answer: Uint8Array): Uint8Array | undefined {
  const reader = readerOf(answer, MESSAGE.signature)
  if (reader === undefined) return undefined
  const signature = reader.string()
  reader.end()
  return signature
}

/**
 * A reader placed after the type of an answer; undefined if the answer is a refusal. Throws
 * FormatError.
 */
function readerOf(answer: Uint8Array, expected: number) {
  const reader = wireReader(answer, FORMAT)
  const type = reader.byte()
  if (type === expected) return reader
  if (type !== MESSAGE.failure) throw new FormatError(FORMAT, `a message of type ${type}`, 'offset 0')
  reader.end()
  return undefined
}
