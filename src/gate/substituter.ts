/**
 * Answers questions about store paths: from the cache while nothing has changed, else by asking the
 * upstreams and judging their offers.
 */
import type { KeyPair } from '../crypto/secret-key.ts'
import { currentUntil, mirrorOf } from '../evidence/remote/mirror.ts'
import { judgeWithin } from '../files/deadline.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { exitCode } from '../policy/exit-code.ts'
import type { Policy } from '../policy/policy.ts'
import type { Refusal, Stray } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { FormatError } from '../primitives/format-error.ts'
import { openInquiry } from '../verifier/inquiry.ts'
import { admitOffers, type OfferOutcome } from '../verifier/offered.ts'
import type { Places } from '../verifier/places.ts'
import { refusalOf } from '../verifier/refusal-of-error.ts'
import type { ResidentCache } from '../verifier/resident-cache.ts'
import { basisOf, isSameBasis, openAnswerCache } from './answer-cache.ts'
import { type DecidedHere, decidedOn, unwrittenOf } from './gate-decisions.ts'
import type { GateResponse } from './http-request.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { narinfoAnswer } from './narinfo-answer.ts'
import { narinfo, notFound, refused } from './respond.ts'
import type { keepUpstreams } from './upstreams.ts'

/**
 * Milliseconds for judging one path: as long as Nix waits for a transfer in which nothing arrives
 * (`stalled-download-timeout`).
 */
const JUDGEMENT_MS = 300_000

/** How often a path is judged again because the policy changed meanwhile. */
const POLICY_CHANGES = 3

/** What the parts of the gate share. */
export interface GateParts {
  readonly places: Places
  readonly kept: ResidentCache
  /** The gate's own key. */
  readonly key: KeyPair
  readonly upstreams: ReturnType<typeof keepUpstreams>
  readonly metrics: Metrics
  readonly log: Log
}

export interface Substituter {
  /**
   * The answer about a path, by the 32 characters of its hash part, when it is in the decision log.
   * Never rejects.
   */
  narinfo(digest: string, asker: string): GateResponse | Promise<GateResponse>
  /** Drops everything that is remembered, so that all is asked and judged anew. */
  forget(): void
}

/** A substituter with an empty cache of answers. */
export function openSubstituter(parts: GateParts): Substituter {
  const { kept, metrics } = parts
  const answers = openAnswerCache()
  const underWay = new Map<string, Promise<Answer>>()
  /** What was decided with the answers that are kept. */
  const given = new WeakMap<GateResponse, DecidedHere>()

  /** Judges a path once for all who ask at the same time under the same policy. */
  function judgeOnce(digest: string, policy: Policy): Promise<Answer> {
    const asked = `${policy.digest} ${policy.mode} ${digest}`
    const running = underWay.get(asked)
    if (running !== undefined) return running
    const answer = judgeAndKeep(parts, answers, digest)
      .then(made => {
        if (made.decided !== undefined) given.set(made.response, made.decided)
        return made
      })
      .finally(() => underWay.delete(asked))
    underWay.set(asked, answer)
    return answer
  }

  return {
    narinfo(digest, asker) {
      const now = answerNow(digest)
      return now instanceof Promise
        ? now.then(answer => inLog(parts, answer, asker))
        : inLog(parts, now, asker)
    },
    forget: answers.clear,
  }

  function answerNow(digest: string): Answer | Promise<Answer> {
    let policy: Policy
    try {
      policy = kept.policy()
    } catch (error) {
      return answerWithoutPolicy(parts, digest, error)
    }
    const known = answers.get(digest, { policy: policy.digest, directories: policy.attestations })
    if (known === undefined) return judgeOnce(digest, policy)
    metrics.count('answers_cached')
    const decided = given.get(known)
    return { response: known, ...(decided === undefined ? {} : { decided: { ...decided, isKept: true } }) }
  }
}

async function judgeAndKeep(
  parts: GateParts,
  answers: ReturnType<typeof openAnswerCache>,
  digest: string,
): Promise<Answer> {
  try {
    for (let changes = 0; changes < POLICY_CHANGES; changes++) {
      const policy = parts.kept.policy()
      const { answer, until, standing } = await judgeWithin(
        () => judgeNow(parts, policy, digest),
        JUDGEMENT_MS,
      )
      // A verdict under a policy that is no longer in force is not used.
      if (parts.kept.policy().digest !== policy.digest) continue
      if (until !== undefined) answers.keep(digest, answer.response, until, standing)
      return answer
    }
    throw new FormatError('policy', 'it is changed again and again while it is asked', parts.places.policy)
  } catch (error) {
    return answerToError(parts, digest, error)
  }
}

async function judgeNow(parts: GateParts, policy: Policy, digest: string) {
  const { places, kept, upstreams } = parts
  const inquiry = openInquiry(places, { records: true, kept: { ...kept, policy: () => policy } })
  const grounds = { policy: policy.digest, directories: policy.attestations }
  const before = basisOf(digest, grounds)
  // Taken before the sources are asked, so that the answer is not kept for longer than the state of
  // the sources that it was judged by.
  const ends = policy.sources.map(source => currentUntil(mirrorOf(places.state, source), inquiry.now))
  const asked = upstreams.current(policy)
  const outcome = await admitOffers(inquiry, digest, await asked.ask(digest))
  const response = answerTo(parts, policy, outcome)
  const answer = { response, ...decidedOn(policy, outcome) }
  const after = basisOf(digest, grounds)
  const isStill = before !== undefined && after !== undefined && isSameBasis(before, after)
  const standing = isStill ? after : undefined
  return { answer, standing, until: endOf(outcome, asked.until(digest), ends) }
}

/**
 * Until when an answer may be given again, in milliseconds since 1970; undefined for a refusal,
 * which is judged anew each time. `ends`: when sources have to be asked again, in seconds since
 * 1970.
 */
function endOf(outcome: OfferOutcome, said: number | undefined, ends: readonly number[]): number | undefined {
  if (said === undefined || (outcome.kind !== 'trusted' && outcome.kind !== 'absent')) return undefined
  const until = outcome.kind === 'trusted' ? outcome.verdict.until : undefined
  return Math.min(said, ...[...ends, ...(until === undefined ? [] : [until])].map(end => end * 1000))
}

/** An answer, and what it decides; undefined if nothing is let in or refused. */
interface Answer {
  readonly response: GateResponse
  readonly decided?: DecidedHere
}

/** The answer when what it decides is in the log; a refusal if that cannot be written and has to be. */
function inLog(
  parts: GateParts,
  { response, decided }: Answer,
  asker: string,
): GateResponse | Promise<GateResponse> {
  if (decided === undefined || decided.policy?.decisions.log === 'off') return response
  const { policy } = decided
  return unwrittenOf(parts, decided, asker).then(unwritten =>
    unwritten === undefined || policy?.mode === 'warn' ? response : refusal(policy, unwritten),
  )
}

/** The answer for Nix. Also writes the log and the counters. */
function answerTo(parts: GateParts, policy: Policy | undefined, outcome: OfferOutcome): GateResponse {
  const { log, metrics, key } = parts
  switch (outcome.kind) {
    case 'absent':
      metrics.count('verdicts', { outcome: 'absent', code: '' })
      return notFound()
    case 'unanswered':
      tellOdd(log, outcome.verdict.path, outcome.strays)
      return unanswered(parts, policy, outcome.verdict)
    case 'trusted': {
      metrics.count('verdicts', { outcome: 'trusted', code: '' })
      tellOdd(log, outcome.verdict.subject.path, outcome.verdict.strays)
      if (outcome.isNew) tellAdmitted(log, outcome)
      const { verdict, offer, others, signatures } = outcome
      return passOn(policy, verdict.subject, () => narinfoAnswer(key, [offer, ...others], signatures))
    }
    case 'unfetched':
      metrics.count('verdicts', { outcome: 'unfetched', code: outcome.verdict.findings[0].code })
      log('info', 'left to its origin', { path: outcome.verdict.path, why: sentence(outcome.verdict) })
      return notFound()
    case 'refused': {
      const { verdict } = outcome
      const [{ code }] = verdict.findings
      metrics.count('verdicts', { outcome: verdict.outcome, code })
      if (code === 'disagreement') metrics.count('conflicts')
      tellOdd(log, verdict.path, verdict.strays ?? [])
      log('warning', policy?.mode === 'warn' ? 'would be refused' : 'refused', {
        path: verdict.path,
        code,
        status: exitCode(verdict),
        why: sentence(verdict),
      })
      const { offer, others = [], signatures = [] } = outcome
      if (policy?.mode !== 'warn') return refusal(policy, verdict)
      // Without an offer, Nix goes on as it would without this cache.
      if (offer === undefined) return notFound()
      return passOn(policy, verdict, () => narinfoAnswer(key, [offer, ...others], signatures))
    }
  }
}

/** An error of the gate's own does not refuse where the policy only warns; one in the policy does. */
function answerToError(parts: GateParts, digest: string, error: unknown): Answer {
  try {
    const policy = parts.kept.policy()
    const verdict = refusalOf(error, pathOf(digest), 'output')
    const said = verdict.ground.kind === 'fault' ? policy : undefined
    const outcome = { kind: 'refused', verdict } as const
    return { response: answerTo(parts, said, outcome), ...decidedOn(said, outcome) }
  } catch (problem) {
    return answerWithoutPolicy(parts, digest, problem)
  }
}

function answerWithoutPolicy(parts: GateParts, digest: string, problem: unknown): Answer {
  const verdict = { ...refusalOf(problem, pathOf(digest), 'output'), ground: { kind: 'policy' } } as const
  const outcome = { kind: 'refused', verdict } as const
  return { response: answerTo(parts, undefined, outcome), ...decidedOn(undefined, outcome) }
}

/** A narinfo, or a refusal if it cannot be made. */
function passOn(
  policy: Policy | undefined,
  { path, kind }: Pick<Refusal, 'path' | 'kind'>,
  make: () => string,
): GateResponse {
  try {
    return narinfo(make())
  } catch (error) {
    return refusal(policy, refusalOf(error, path, kind))
  }
}

function refusal(policy: Policy | undefined, verdict: Refusal): GateResponse {
  return refused(policy?.gate.onRefusal ?? 'fail', `nixsig: ${sentence(verdict)}`)
}

function tellAdmitted(log: Log, { verdict, offer }: Extract<OfferOutcome, { kind: 'trusted' }>): void {
  log('info', 'admitted', { path: verdict.subject.path, rule: verdict.rule, upstream: offer.upstream })
}

/**
 * Nobody offers the path, and some upstream cannot be asked or understood. That upstreams do not
 * answer is told once for each, and not for each path: see upstreams.ts.
 */
function unanswered({ log, metrics }: GateParts, policy: Policy | undefined, verdict: Refusal): GateResponse {
  metrics.count('verdicts', { outcome: verdict.outcome, code: verdict.findings[0].code })
  metrics.count('unanswered')
  if (policy?.gate.onNoAnswer !== 'fail') return notFound()
  log('warning', policy.mode === 'warn' ? 'would be refused' : 'refused', {
    path: verdict.path,
    code: verdict.findings[0].code,
    status: exitCode(verdict),
    why: sentence(verdict),
  })
  return policy.mode === 'warn' ? notFound() : refused('fail', `nixsig: ${sentence(verdict)}`)
}

/** Which upstreams were passed over although they answered. */
function tellOdd(log: Log, path: string, strays: readonly Stray[]): void {
  for (const { problem, origin, detail } of strays) {
    if (problem === 'unread-answer')
      log('warning', 'an answer that cannot be read', { path, upstream: origin, detail })
    if (problem === 'other-word')
      log('warning', 'an upstream says something else', { path, upstream: origin, detail })
  }
}

/** Stands for a path whose name is not known. */
function pathOf(digest: string): string {
  return `${STORE_DIR}/${digest}-*`
}
