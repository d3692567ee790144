import { FileError } from '../../files/regular-file.ts'
import { isText } from '../../formats/openpgp/armor.ts'
import { parseDetachedSignatures } from '../../formats/openpgp/signature.ts'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { IndexedResult } from '../openpgp/verify.ts'
import type { DetachedKind, DetachedResult, Recalling, SignatureUse } from './kind.ts'
import type { OpenedFile } from './opened-file.ts'

/**
 * OpenPGP (RFC 9580, section 10.4), armoured or binary. Any file that is not text counts as its
 * binary form.
 */
export const OPENPGP: DetachedKind = {
  kind: 'openpgp',
  isBare: true,
  recognises: signature => !isText(signature) || Buffer.from(signature).includes('-----BEGIN PGP '),
  check: parseDetachedSignatures,
  takes: key => key.kind === 'openpgp',
  verify,
  recall,
}

async function verify(
  file: OpenedFile,
  signature: Uint8Array,
  key: Key,
  use: SignatureUse,
): Promise<readonly DetachedResult[]> {
  if (key.kind !== 'openpgp') throw new TypeError(`${key.kind} keys make no OpenPGP signatures`)
  const { verifyOpenPgp } = await import('../openpgp/verify.ts')
  const { certificate, fingerprint } = key
  try {
    const results = await verifyOpenPgp({
      file,
      signature,
      certificate,
      fingerprint,
      form: use === 'text' ? 'text' : 'bytes',
    })
    return results.map(result => resultOf(key, result))
  } catch (error) {
    // The signature was parsed before, so the unreadable part is this key's certificate, or /tmp is
    // full.
    const isForeseen = error instanceof FormatError || error instanceof FileError || isSystemError(error)
    if (!isForeseen) throw error
    return [{ key, outcome: 'unreadable', detail: error.message }]
  }
}

function resultOf(key: Key, result: IndexedResult): DetachedResult {
  const { kind: outcome } = result
  const which = result.index === undefined ? {} : { index: result.index }
  if (outcome === 'good') {
    const { signedAt, keyEnds, trace } = result
    const ends = keyEnds === undefined ? {} : { keyEnds }
    const day = new Date(signedAt * 1000).toISOString().slice(0, 10)
    return { key, outcome, detail: `signed ${day}`, signedAt, trace, ...ends, ...which }
  }
  if (outcome !== 'expired-since') return { key, outcome, detail: result.detail, ...which }
  const { detail, signedAt, keyExpired } = result
  return { key, outcome, detail, signedAt, keyExpired, ...which }
}

async function recall(trace: string, key: Key, moment: Recalling): Promise<DetachedResult> {
  const { recallOpenPgp } = await import('../openpgp/remembered.ts')
  return recallOpenPgp(trace, key, moment)
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
