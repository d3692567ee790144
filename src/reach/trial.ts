/** Judging under a policy that is not in force. */
import type { Policy } from '../policy/policy.ts'
import { type Inquiry, openInquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'

/**
 * An inquiry by the evidence at hand: asks no source, hashes nothing and writes nothing. Contents
 * count as the store registered them.
 */
export function openTrial(places: Places, draft: Policy): Inquiry {
  return openInquiry(places, {
    records: false,
    notesConflicts: false,
    takesOut: false,
    isAtHand: true,
    takesRegistered: true,
    draft,
  })
}
