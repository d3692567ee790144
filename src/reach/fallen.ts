/** The comparison on this machine: its ledger, its store and the evidence at hand. */
import { allAdmissions } from '../ledger/all-admissions.ts'
import type { Policy } from '../policy/policy.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { readMachineIdentity } from '../verifier/machine-key.ts'
import type { Places } from '../verifier/places.ts'
import { certifiedHere, loadPolicy } from '../verifier/policy-file.ts'
import { inputsOf } from '../verifier/stored-derivation.ts'
import { verifyPath } from '../verifier/verify.ts'
import { type Compared, type Comparison, compare } from './compare.ts'
import { openTrial } from './trial.ts'

/** How it is compared. */
export interface Manner extends Partial<Pick<Compared, 'support' | 'judges'>> {
  /** The policy now; the one in its place by default. */
  readonly before?: Policy | undefined
  /** Milliseconds for judging with all evidence at hand, a minute by default. */
  readonly patience?: number
}

const PATIENCE = 60_000

/**
 * Which paths of this machine's ledger would fall under another policy, and which would rise. Asks
 * no source and hashes nothing; writes nothing. Throws PolicyError and FileError if the policy or
 * the state directory cannot be read.
 */
export async function fallenUnder(
  places: Places,
  draft: Policy,
  { before = loadPolicy(places, { remember: false }), support, judges = 'affected', patience }: Manner = {},
): Promise<Comparison> {
  const asked = { before: openTrial(places, before), after: openTrial(places, draft) }
  try {
    return await compare({
      before: certifiedHere(places, before),
      after: certifiedHere(places, draft),
      entries: allAdmissions(places.state),
      support,
      judges,
      end: performance.now() + (patience ?? PATIENCE),
      now: asked.after.now,
      own: readMachineIdentity(places.state),
      verdict: (under, path) => verifyPath(asked[under], path, 'registered'),
      inputsOf: derivation => inputsIn(asked.after, derivation),
    })
  } finally {
    asked.before.close()
    asked.after.close()
  }
}

function inputsIn(inquiry: Inquiry, derivation: string): readonly string[] | undefined {
  try {
    return inputsOf(inquiry.derivation(derivation)).map(({ path }) => path.path)
  } catch {
    // Collected since: what was built from it is judged by what else is known.
    return undefined
  }
}
