/** Verifies one kind of signature with one key over one file. */
import { PROTOCOL_HEAD, protocolOf } from '../../formats/other-protocol.ts'
import type { Key } from '../../policy/policy.ts'
import type { DetachedKind, DetachedResult, SignatureUse } from './kind.ts'
import { headOf, type OpenedFile } from './opened-file.ts'

/** A signature of a known kind, and what it should be over. */
export interface KnownSignature {
  readonly kind: DetachedKind
  readonly signature: Uint8Array
  readonly use: SignatureUse
}

/**
 * Verifies a signature file over a file with a key. Returns one result, or one for each signature
 * in it. A bare signature that is good over a message of another protocol is `unacceptable`: it was
 * made for that protocol, not to approve the file.
 */
export async function verifyFile(
  { kind, signature, use }: KnownSignature,
  file: OpenedFile,
  key: Key,
): Promise<readonly DetachedResult[]> {
  const results = [await kind.verify(file, signature, key, use)].flat()
  if (use !== 'file' || !kind.isBare || !results.some(isSigned)) return results
  const protocol = protocolOf(headOf(file, PROTOCOL_HEAD))
  if (protocol === undefined) return results
  const detail = `the file is a message that keys sign for another purpose: ${protocol}`
  return results.map(result =>
    isSigned(result) ? ({ key, outcome: 'unacceptable', detail, ...placeOf(result) } as const) : result,
  )
}

function isSigned({ outcome }: DetachedResult): boolean {
  return outcome === 'good' || outcome === 'expired-since'
}

function placeOf({ index }: DetachedResult): Pick<DetachedResult, 'index'> {
  return index === undefined ? {} : { index }
}
