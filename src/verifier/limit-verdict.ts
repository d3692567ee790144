/** Limits a verdict to the earliest end of the ledger entries that it rests on. */
import { isCurrent, readAdmission } from '../ledger/admissions.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Verdict } from '../policy/verdict.ts'
import { admittedNow } from './admitted.ts'
import type { Input, StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Limits the verdict on an output to the time for which the things it was made from are admitted
 * (docs/semantics.md, S13): the derivation that was found to make it, and the inputs that `asked`
 * returns.
 */
export async function endingWith(
  inquiry: Inquiry,
  verdict: Verdict,
  derivation: StoredDerivation | undefined,
  asked: (derivation: StoredDerivation) => readonly Input[],
): Promise<Verdict> {
  const isMade = verdict.outcome === 'trusted' && verdict.subject.kind === 'output'
  if (!isMade || derivation === undefined) return verdict
  const { state, policy, now } = await admittedNow(inquiry)
  const ends = [derivation, ...asked(derivation)].map(({ path }) => {
    const entry = readAdmission(state, path.digest, path.path)
    return entry !== undefined && isCurrent(entry, policy, now) ? entry.until : undefined
  })
  const until = earliest([verdict.until, ...ends])
  return until === undefined ? verdict : { ...verdict, until }
}
