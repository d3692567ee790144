/** What the gate decides about paths, as the decision log has it. */
import type { Policy } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import { type Asked, letIn, record } from '../verifier/decided.ts'
import type { LetIn } from '../verifier/let-in.ts'
import type { OfferOutcome } from '../verifier/offered.ts'
import type { Places } from '../verifier/places.ts'
import type { Log } from './log.ts'
import type { Peer } from './peers.ts'

/** What an answer decides. */
export interface DecidedHere {
  /** Undefined if it cannot be read. */
  readonly policy: Policy | undefined
  /** What is let in, or refused. */
  readonly what: LetIn | Refusal
  /** Whether the answer is one that was given before, and is in the log. */
  readonly isKept: boolean
}

/** What an outcome decides; nothing if the path is not there, or left to its origin. */
export function decidedOn(
  policy: Policy | undefined,
  outcome: OfferOutcome,
): { readonly decided?: DecidedHere } {
  const decided = (what: LetIn | Refusal) => ({ decided: { policy, what, isKept: false } })
  if (outcome.kind === 'trusted') {
    const { subject } = outcome.verdict
    return decided({ path: subject.path, narHash: subject.narHash, trust: outcome.verdict })
  }
  if (outcome.kind === 'refused') return decided(outcome.verdict)
  return outcome.kind === 'unanswered' && policy?.gate.onNoAnswer === 'fail' ? decided(outcome.verdict) : {}
}

/**
 * Writes a decision, which is on the disk when this resolves. Resolves to a refusal if it cannot be
 * written and the policy says that it has to be; else it is told. Never rejects.
 */
export async function unwrittenOf(
  { places, log }: { readonly places: Places; readonly log: Log },
  { policy, what, isKept }: DecidedHere,
  asker: string,
): Promise<Refusal | undefined> {
  const asked: Asked = { places, door: 'gate', asker, policy }
  const warn = (why: string) => log('warning', 'a decision is not in the log', { path: what.path, why })
  if (isRefusal(what)) {
    const problem = await record(asked, { refusals: [what] })
    if (problem !== undefined) warn(problem)
    return undefined
  }
  return letIn(asked, [isKept ? { ...what, trust: undefined } : what], warn)
}

function isRefusal(what: LetIn | Refusal): what is Refusal {
  return 'outcome' in what
}

/** How the decision log names a peer: a user by the number, asked by nix-daemon or not. */
export function askerOf({ name, kind }: Peer): string {
  if (kind === 'root' || kind === 'machine') return name
  const [, user] = /^(?:client|user) (\d+)$/.exec(name) ?? []
  return user === undefined ? 'unknown' : `user ${user}`
}
