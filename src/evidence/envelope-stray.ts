import type { StraySignature } from '../crypto/envelope.ts'
import type { Stray } from '../policy/verdict.ts'

/** Reports a signature of an envelope that does not count, with where the envelope was found. */
export function envelopeStray({ problem, keyid, detail }: StraySignature, origin: string): Stray {
  return { problem, origin, detail: detail === undefined ? keyid : `${keyid}: ${detail}` }
}
