/** Adopts one path after everything that it refers to. */
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { forgetLetIn } from '../ledger/let-in.ts'
import type { Refusal, Trust, Verdict } from '../policy/verdict.ts'
import { list, whoWord } from '../policy/words.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admitInput } from '../verifier/admit.ts'
import { admittedNow, isAdmittedAsAny } from '../verifier/admitted.ts'
import type { Input } from '../verifier/derivation-parts.ts'
import { withWhatReferrersSay } from '../verifier/derivation-signatures.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import { refusalOf } from '../verifier/refusal-of-error.ts'
import { verifyPath } from '../verifier/verify.ts'
import { alteredIn } from './altered-in.ts'
import { buildAgain } from './build-again.ts'
import { type Cause, causesOf, isForWantOfABuilder, merged } from './cause.ts'
import { left, type Outcome, type Run } from './run.ts'

/** So many principals are named. */
const NAMES = 4

/**
 * Decides about a path, once in a run. A path that is asked about while it is being decided is
 * built from itself, as a store says that was tampered with: it is left for that question.
 */
export async function adoptPath(run: Run, path: string): Promise<Outcome> {
  const known = run.outcomes.get(path)
  if (known !== undefined) return known
  if (run.underWay.has(path)) return left([circle(path)])
  run.underWay.add(path)
  const { outcome, kind } = await decide(run, path)
  run.underWay.delete(path)
  run.outcomes.set(path, outcome)
  run.onDecided({ path, kind, isMember: run.members.has(path), outcome })
  return outcome
}

type Found = { readonly outcome: Outcome; readonly kind: Refusal['kind'] }

async function decide(run: Run, path: string): Promise<Found> {
  const kind = path.endsWith('.drv') ? 'derivation' : 'output'
  try {
    const info = await (await run.ask().store()).pathInfo(path)
    if (info === undefined) return { outcome: left([notThere(path)]), kind }
    return await decideOn(run, parseStorePath(path), info)
  } catch (error) {
    return { outcome: left(causesOf(refusalOf(error, path, kind))), kind }
  }
}

async function decideOn(run: Run, path: StorePath, info: PathInfo): Promise<Found> {
  const blockers = await blockersIn(run, info)
  const altered = await alteredIn(run, path, info)
  if (altered !== undefined) return { outcome: left(causesOf(altered)), kind: altered.kind }
  const isKnown = isAdmittedAsAny(await admittedNow(run.ask()), path)
  const verdict = await verifyPath(run.ask(), path.path, 'registered')
  if (verdict.outcome === 'trusted') {
    const { kind } = verdict.subject
    return { outcome: await admit(run, { verdict, info, blockers, isKnown }), kind }
  }
  const { kind } = verdict
  if (!isForWantOfABuilder(verdict)) return { outcome: left(merged(causesOf(verdict), blockers)), kind }
  const admitted = (trust: Trust) => admit(run, { verdict: trust, info, blockers, isKnown: false })
  return { outcome: await buildAgain(run, { path, info, verdict, blockers }, { adoptPath, admitted }), kind }
}

/** The causes that keep what a path refers to from being adopted. */
export async function blockersIn(run: Run, { path, references }: PathInfo): Promise<readonly Cause[]> {
  const blockers: (readonly Cause[])[] = []
  for (const reference of [...references].sort()) {
    const outcome = reference === path ? undefined : await adoptPath(run, reference)
    if (outcome?.kind === 'left') blockers.push(outcome.causes)
  }
  return merged(...blockers)
}

interface Trusted {
  readonly verdict: Trust
  readonly info: PathInfo
  readonly blockers: readonly Cause[]
  readonly isKnown: boolean
}

/** Records a trusted path in the ledger, unless something that it refers to is left. */
async function admit(run: Run, { verdict, info, blockers, isKnown }: Trusted): Promise<Outcome> {
  if (blockers.length > 0) return left(blockers)
  if (!run.dry) {
    const inquiry = run.ask()
    const path = parseStorePath(info.path)
    const decided = { path: info.path, narHash: info.narHash, trust: verdict }
    const unwritten = isKnown ? undefined : await inquiry.writesDecision?.([decided])
    if (unwritten !== undefined) return left(causesOf(unwritten))
    const refusal = await admitInput(inquiry, await inputOf(inquiry, path, info))
    if (refusal !== undefined) return left(causesOf(refusal))
    run.attempts.forget(info.path)
    forgetLetIn(run.places.state, path.digest)
  }
  return isKnown ? { kind: 'admitted' } : { kind: 'vouched', by: basisWords(verdict) }
}

async function inputOf(inquiry: ReturnType<Run['ask']>, path: StorePath, info: PathInfo): Promise<Input> {
  if (path.path.endsWith('.drv')) return { path, kind: 'local-source' }
  return withWhatReferrersSay(inquiry, await identify(inquiry, path, knownFromStore(info)))
}

/** Who vouches for it, escaped. */
export function basisWords({ basis }: Extract<Verdict, { outcome: 'trusted' }>): string {
  if (basis.kind === 'claims') return list(basis.principals.map(whoWord), NAMES)
  return basis.kind === 'exemption' ? `an exemption (line ${basis.line})` : 'nobody needs to'
}

function circle(path: string): Cause {
  return { code: 'undecided', path, kind: 'output', detail: 'it is built from itself', status: 20 }
}

function notThere(path: string): Cause {
  return { code: 'undecided', path, kind: 'output', detail: 'it is not in the store', status: 20 }
}
