/**
 * Dead Simple Signing Envelopes (secure-systems-lab/dsse, protocol.md and envelope.md), one per
 * line. Stricter than the specification where that allows two spellings of one envelope: base64 has
 * the standard alphabet and padding, and unknown fields are errors.
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { jsonObject, printJson } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { parseStrictJson } from '../json/strict.ts'

/** The only payload type that nixsig reads and writes: an in-toto Statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** Characters of one envelope, without its newline. */
export const ENVELOPE_LIMIT = 1024 * 1024

const SIGNATURE_LIMIT = 16
const KEYID_LIMIT = 256
const DEPTH_LIMIT = 3
/** Proofs of logs that one envelope may carry. */
export const LOG_PROOF_LIMIT = 8
/** More JSON values than an envelope with the most signatures and proofs has. */
const VALUES_LIMIT = 8 * SIGNATURE_LIMIT + 2 * LOG_PROOF_LIMIT
const LIMITS = { length: ENVELOPE_LIMIT, depth: DEPTH_LIMIT, values: VALUES_LIMIT }

/** One signature of an envelope. */
export interface EnvelopeSignature {
  /** A hint which key to try first: anybody can write anything here. Empty if absent. */
  readonly keyid: string
  readonly signature: Uint8Array
}

/** An envelope: a payload with its signatures. */
export interface Envelope {
  readonly payloadType: typeof PAYLOAD_TYPE
  readonly payload: Uint8Array
  readonly signatures: readonly EnvelopeSignature[]
  /**
   * Proofs that loggedEntry() stands in transparency logs, as the tools of those logs write them. No
   * signature covers them. Absent if there are none.
   */
  readonly logged?: readonly string[]
}

/**
 * The bytes that are signed for a payload: the type and the payload, each after its length in bytes
 * (protocol.md, PAE).
 */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8')
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.byteLength} `, 'latin1'),
    type,
    Buffer.from(` ${payload.byteLength} `, 'latin1'),
    payload,
  ])
}

/**
 * Parses the envelope on a line, which may have a field `logged` with proofs. The payload is
 * unverified bytes. Throws FormatError.
 */
export function parseEnvelope(line: string): Envelope {
  const node = rootNode('envelope', parseStrictJson(line, LIMITS))
  const { logged, ...envelope } = fields(node, { required: REQUIRED, optional: ['logged'], others: 'refuse' })
  const read = envelopeOf(envelope)
  if (logged === undefined) return read
  const proofs = listOf(logged, LOG_PROOF_LIMIT).map(stringOf)
  if (proofs.length === 0) throw malformed(logged, 'must not be empty')
  return { ...read, logged: proofs }
}

/** Reads the envelope that is part of a larger document. It is unverified. Throws FormatError. */
export function readEnvelope(node: JsonNode): Envelope {
  return envelopeOf(fields(node, { required: REQUIRED, optional: [], others: 'refuse' }))
}

const REQUIRED = ['payload', 'payloadType', 'signatures'] as const

function envelopeOf(envelope: Readonly<Record<(typeof REQUIRED)[number], JsonNode>>): Envelope {
  const payloadType = stringOf(envelope.payloadType)
  if (payloadType !== PAYLOAD_TYPE) {
    throw malformed(envelope.payloadType, `"${printable(payloadType, 80)}" is not ${PAYLOAD_TYPE}`)
  }
  const signatures = listOf(envelope.signatures, SIGNATURE_LIMIT).map(readSignature)
  if (signatures.length === 0) throw malformed(envelope.signatures, 'must not be empty')
  return { payloadType, payload: readString(envelope.payload, fromBase64), signatures }
}

/**
 * The line of an envelope, without a newline. Throws FormatError if it is longer than
 * ENVELOPE_LIMIT.
 */
export function printEnvelope(envelope: Envelope): string {
  const line = printJson(
    jsonObject([
      ['payload', toBase64(envelope.payload)],
      ['payloadType', envelope.payloadType],
      ['signatures', envelope.signatures.map(printSignature)],
      ...(envelope.logged === undefined ? [] : [['logged', envelope.logged] as const]),
    ]),
  )
  if (line.length <= ENVELOPE_LIMIT) return line
  throw new FormatError('envelope', `longer than ${ENVELOPE_LIMIT} characters`, `length ${line.length}`)
}

/**
 * What has to stand in a log for an envelope to be logged: the bytes of its line without proofs, as
 * printEnvelope() spells it, and without a newline.
 */
export function loggedEntry({ payloadType, payload, signatures }: Envelope): Uint8Array {
  return Buffer.from(printEnvelope({ payloadType, payload, signatures }), 'utf8')
}

function readSignature(node: JsonNode): EnvelopeSignature {
  const { sig, keyid } = fields(node, { required: ['sig'], optional: ['keyid'], others: 'refuse' })
  const hint = keyid === undefined ? '' : stringOf(keyid)
  if (hint.length > KEYID_LIMIT) throw malformed(node, `key id longer than ${KEYID_LIMIT} characters`)
  return { keyid: hint, signature: readString(sig, fromBase64) }
}

function printSignature(signature: EnvelopeSignature) {
  return jsonObject([
    ['keyid', signature.keyid],
    ['sig', toBase64(signature.signature)],
  ])
}
