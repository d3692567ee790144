/**
 * Cosignatures by Ed25519 (c2sp.org/tlog-cosignature): a witness says that at some time a checkpoint
 * was the newest that it had seen of a log, and that it followed from those before. Nothing here is
 * verified.
 */
import { FormatError } from '../../primitives/format-error.ts'

/** What a signature line of a checkpoint holds if a witness made it. */
export interface Cosignature {
  /** When the witness signed, in seconds since 1970; at most 2^53 - 1. */
  readonly time: number
  /** 64 bytes, over cosignedMessage(). */
  readonly signature: Uint8Array
}

/** Parses the bytes behind the key's id of a signature line: 8 of time, 64 of signature. Throws FormatError. */
export function parseCosignature(bytes: Uint8Array): Cosignature {
  if (bytes.length !== TIME_SIZE + 64) throw malformed(`${bytes.length} bytes instead of 72`, 'size')
  const time = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64BE()
  if (time > Number.MAX_SAFE_INTEGER) throw malformed('a time after any date', 'time')
  return { time: Number(time), signature: bytes.subarray(TIME_SIZE) }
}

/** The bytes of a cosignature, without the key's id. */
export function printCosignature({ time, signature }: Cosignature): Uint8Array {
  const bytes = Buffer.alloc(TIME_SIZE)
  bytes.writeBigUInt64BE(BigInt(time))
  return Buffer.concat([bytes, signature])
}

const TIME_SIZE = 8

/** What a witness signs: a line that says so, the time, and the checkpoint's text. */
export function cosignedMessage(time: number, checkpoint: string): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${checkpoint}`)
}

function malformed(problem: string, where: string): FormatError {
  return new FormatError('cosignature', problem, where)
}
