/** Judging under a policy that is only tried out, with no trace on this machine. */
import { makeScratch, removeScratch } from '../files/scratch.ts'
import type { Policy } from '../policy/policy.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { type Inquiry, openInquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'
import { withBorrowedMirrors } from './borrowed-mirrors.ts'
import { isReadable } from './readable-inquiry.ts'

/**
 * Lets `use` judge under this policy. What sources answer is forgotten afterwards. Where the state
 * is another user's alone it goes without, and says so in `note`.
 */
export async function withDraft<T>(
  policy: Policy,
  places: Places,
  { note, use }: { note(text: string): void; use(inquiry: Inquiry): Promise<T> },
): Promise<T> {
  const isOpen = isReadable(places)
  if (!isOpen)
    note(
      `nixsig: ${printable(places.state)} is root's alone, so nothing is known here of what this machine built; with all of it: the same command ${BY_ROOT}`,
    )
  const scratch = isOpen ? undefined : makeScratch('draft')
  try {
    return await withBorrowedMirrors({ ...places, ...(scratch ? { state: scratch } : {}) }, async own => {
      const inquiry = openInquiry(own, { records: false, notesConflicts: false, draft: policy })
      try {
        return await use(inquiry)
      } finally {
        inquiry.close()
      }
    })
  } finally {
    if (scratch !== undefined) removeScratch(scratch)
  }
}
