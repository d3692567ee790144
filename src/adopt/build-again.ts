/** What becomes of an output for which nobody stands: it is built again, and has to be the same. */

import { mergeEvidence } from '../evidence/merge.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { realise, rebuild } from '../packaging/reproduce/rebuild.ts'
import type { Refusal, Trust, Verdict } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Output } from '../verifier/derivation-parts.ts'
import { admitDerivation } from '../verifier/derivations.ts'
import { pathEvidence, rememberedEvidence } from '../verifier/evidence.ts'
import { judgeWithGraph } from '../verifier/graph.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import { judgeElsewhere } from '../verifier/judge-elsewhere.ts'
import { madeHere } from '../verifier/judge-input.ts'
import { makersOf } from '../verifier/makers.ts'
import { outputsOf } from '../verifier/stored-derivation.ts'
import { subjectOf } from '../verifier/subject.ts'
import { verifyPath } from '../verifier/verify.ts'
import { buildSeconds } from './build-times.ts'
import { type Cause, causesOf, merged } from './cause.ts'
import { CAUSE_WORDS } from './cause-words.ts'
import { adoptInputs, lastLine } from './inputs.ts'
import { left, type Outcome, type Run } from './run.ts'
import { signaturesOfCaches } from './signatures-of-caches.ts'

/** Derivations that are tried, of those that make a path. */
const MAKERS = 8

/** An output that was refused. */
export interface Refused {
  readonly path: StorePath
  readonly info: PathInfo
  readonly verdict: Refusal
  /** What keeps the paths that it refers to from being adopted. */
  readonly blockers: readonly Cause[]
}

/** How others are adopted, and this one, once it is trusted. */
export interface Ways {
  adoptPath(run: Run, path: string): Promise<Outcome>
  admitted(trust: Trust): Promise<Outcome>
}

/** First looks for signatures that caches have, then for a derivation to build again. */
export async function buildAgain(run: Run, refused: Refused, ways: Ways): Promise<Outcome> {
  const { path, info, verdict, blockers } = refused
  const signed = await withCacheSignatures(run, refused)
  if (signed !== undefined) return ways.admitted(signed)
  const chosen = await chooseMaker(run, path, info)
  if (chosen === undefined) return left(merged([withoutDerivation(verdict)], blockers))
  if ('causes' in chosen) return left(merged(chosen.causes, blockers))
  const { maker } = chosen
  const then = await afterBuildingAgain(run, maker, info)
  if (then.outcome !== 'trusted') return left(merged(causesOf(then), blockers))
  if ((await madeHere(run.ask(), path, info)).builtHere)
    return ofThisMachine(run, refused, { maker, then }, ways)
  const inputs = await adoptInputs(run, maker, ways, { brings: true })
  const all = merged(blockers, inputs.causes)
  if (all.length > 0 && (run.dry || !(await mayBuildFirst(run, path, all)))) return left(all)
  const derivation = maker.derivation.path.path
  const seconds = buildSeconds(derivation)
  if (run.dry) return { kind: 'to-rebuild', derivation, seconds, absent: inputs.absent }
  return check(run, { ...refused, blockers: all }, maker, ways)
}

/**
 * Whether to build now what rests on paths that are left. While the policy warns, the hooks let it
 * start, and remember it: once those paths are exempt it need not be built again.
 */
async function mayBuildFirst(run: Run, { path }: StorePath, causes: readonly Cause[]): Promise<boolean> {
  if ((await run.ask().policy()).mode !== 'warn') return false
  // What it lacks itself cannot be had.
  return causes.every(cause => cause.path !== path && CAUSE_WORDS[cause.code].exempt !== undefined)
}

/**
 * The verdict that there would be if this machine had built it: for all else that speaks for it.
 */
async function afterBuildingAgain(run: Run, maker: Output, info: PathInfo): Promise<Verdict> {
  const inquiry = run.ask()
  const { narHash } = info
  const subject = subjectOf(maker, { narHash, builtHere: true })
  const entry = readAdmission(run.places.state, maker.path.digest, info.path)
  const evidence = mergeEvidence([
    await pathEvidence(inquiry, subject, info),
    await rememberedEvidence(inquiry, entry, subject),
  ])
  return judgeWithGraph(inquiry, subject, evidence)
}

/**
 * What this machine built under its hooks need not be built again: what it was built from has to be
 * adopted. What is not here any more is brought here only if the ledger does not know enough of it.
 */
async function ofThisMachine(
  run: Run,
  { path, blockers }: Refused,
  { maker, then }: { readonly maker: Output; readonly then: Trust },
  ways: Ways,
): Promise<Outcome> {
  for (const brings of [false, true]) {
    const { causes } = await adoptInputs(run, maker, ways, { brings })
    const all = merged(blockers, causes)
    if (run.dry) return all.length === 0 ? ways.admitted(then) : left(all)
    const now = await verifyPath(run.ask(), path.path, 'registered')
    if (now.outcome === 'trusted') return ways.admitted(now)
    if (brings || all.length > 0) return left(all.length > 0 ? all : causesOf(now))
  }
  return left(blockers)
}

/** The verdict with the signatures that caches have; undefined if they are not enough. */
async function withCacheSignatures(run: Run, { path, info }: Refused): Promise<Trust | undefined> {
  if (run.upstreams.length === 0) return undefined
  const { signatures, evidence } = await signaturesOfCaches(run, info)
  if (signatures.length === 0) return undefined
  let verdict: Verdict
  if (run.dry) {
    const inquiry = run.ask()
    const coming = await identify(inquiry, path, knownFromStore(info))
    verdict = (await judgeElsewhere(inquiry, coming, { narHash: info.narHash, signed: [evidence] })).verdict
  } else {
    await run.keeper.addSignatures(path.path, signatures)
    run.refresh()
    verdict = await verifyPath(run.ask(), path.path, 'registered')
  }
  return verdict.outcome === 'trusted' ? verdict : undefined
}

/**
 * A derivation that is valid here, makes the path by its own contents, and is admitted; else why
 * the first one is not. Undefined if there is no such derivation, whatever the store's label says.
 * The label only decides which is tried first: anybody can add derivations that make the path from
 * something else, and nobody can change the label of a path that is valid.
 */
async function chooseMaker(
  run: Run,
  path: StorePath,
  { deriver }: PathInfo,
): Promise<{ readonly maker: Output } | { readonly causes: readonly Cause[] } | undefined> {
  const found = await makersOf(run.ask(), path)
  const isLabelled = ({ derivation }: Output) => derivation.path.path === deriver
  const others = found.filter(maker => !isLabelled(maker))
  const makers = [...found.filter(isLabelled), ...others].slice(0, MAKERS)
  const refusals: Refusal[] = []
  for (const maker of makers) {
    const refusal = await admitDerivation(run.ask(), maker.derivation)
    if (refusal === undefined) return { maker }
    refusals.push(refusal)
  }
  const [first] = refusals
  return first === undefined ? undefined : { causes: causesOf(first) }
}

function withoutDerivation(verdict: Refusal): Cause {
  const [cause] = causesOf(verdict)
  return { ...cause, code: 'no-derivation', path: verdict.path, kind: verdict.kind }
}

/** Has Nix build a derivation again, and looks at what its hooks recorded. */
async function check(run: Run, refused: Refused, maker: Output, ways: Ways): Promise<Outcome> {
  const { path, info, blockers } = refused
  const { derivation } = maker
  const tried = { path: path.path, narHash: info.narHash, derivation: derivation.path.path }
  const before = run.attempts.known(tried)
  if (before !== undefined) return left(merged([causeOfAttempt(path, before)], blockers))
  const drv = derivation.path.path
  const since = Date.now()
  for (const one of [drv, path.path]) await run.keeper.addTempRoot(one)
  const all = outputsOf(derivation)
  for (const output of all) await run.keeper.addTempRoot(output.path.path)
  const valid = await run.keeper.validPaths(all.map(output => output.path.path))
  run.onWork(`building ${printable(drv)} again`, buildSeconds(drv))
  // Nix compares only if every output is there.
  const why = valid.size < all.length ? await realise([drv], run.timeout) : undefined
  const rebuilt =
    why === undefined
      ? await rebuild({ derivation, all, asked: [maker] }, run.timeout)
      : ({ kind: 'failed', reason: why } as const)
  run.refresh()
  if (rebuilt.kind === 'same') {
    const seconds = Math.round((Date.now() - since) / 1000)
    return concluded(run, refused, { derivation: drv, seconds }, ways)
  }
  const attempt =
    rebuilt.kind === 'differs'
      ? ({ outcome: 'differs', why: differingWords(rebuilt.outputs.map(({ rebuilt }) => rebuilt)) } as const)
      : ({ outcome: 'failed', why: lastLine(rebuilt.reason) } as const)
  run.attempts.note(tried, attempt)
  return left(merged([causeOfAttempt(path, attempt)], blockers))
}

/** After it was built again and came out the same. */
async function concluded(
  run: Run,
  { path, info, blockers }: Refused,
  done: { readonly derivation: string; readonly seconds: number },
  ways: Ways,
): Promise<Outcome> {
  const inquiry = run.ask()
  const verdict = await verifyPath(inquiry, path.path, 'registered')
  if (verdict.outcome === 'trusted') {
    const outcome = await ways.admitted(verdict)
    return outcome.kind === 'left' ? outcome : { kind: 'rebuilt', ...done }
  }
  if (blockers.length > 0) return left(blockers)
  if ((await madeHere(inquiry, path, info)).builtHere) return left(causesOf(verdict))
  const detail = 'it came out the same, and the ledger knows nothing of that'
  return left([{ code: 'no-hook', path: path.path, kind: 'output', detail, status: 20 }])
}

function causeOfAttempt(
  { path }: StorePath,
  { outcome, why }: { readonly outcome: 'differs' | 'failed'; readonly why: string },
): Cause {
  const code = outcome === 'differs' ? 'not-reproducible' : 'not-built'
  return { code, path, kind: 'output', detail: why, status: outcome === 'differs' ? 13 : 20 }
}

function differingWords(rebuilt: readonly string[]): string {
  return `what came out differently is in ${rebuilt.map(path => printable(path)).join(', ')}`
}
