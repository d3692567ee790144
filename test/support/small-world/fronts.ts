/** Every caller of the verifier, asked about everything in a small world. */
import { type AttestationReader, attestationReader } from '../../../src/evidence/attestations.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { exitCode } from '../../../src/policy/exit-code.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import type { Evidence, Refusal, Verdict } from '../../../src/policy/verdict.ts'
import type { Store } from '../../../src/store/store-client.ts'
import { beforeBuild } from '../../../src/verifier/before-build.ts'
import { admitIncoming } from '../../../src/verifier/incoming.ts'
import { type Inquiry, openInquiry } from '../../../src/verifier/inquiry.ts'
import { admitOffers } from '../../../src/verifier/offered.ts'
import type { ResidentCache } from '../../../src/verifier/resident-cache.ts'
import { verifyPath } from '../../../src/verifier/verify.ts'
import { emptyState, layOut, whileThere } from './disk.ts'
import { AS_IT_IS, memoryStore, type Order } from './memory-store.ts'
import { HOME, type World } from './world.ts'

/** A verdict in a form that can be compared. */
export interface Judged {
  readonly isTrusted: boolean
  /** Outcome, status and the claimants. */
  readonly words: string
  /** The first reason, for people. */
  readonly why: string
}

/** By front and name, for example `verify 0.drv`, `offers 1`, `build 2.drv`, `incoming 3`. */
export type Verdicts = ReadonlyMap<string, Judged>

/**
 * `each`: a separate inquiry for each question. `together`: one inquiry for all. `twice`: one
 * inquiry for all that records its verdicts, then another.
 */
export type Way = 'each' | 'together' | 'twice'

export interface Judging {
  readonly order?: Order
  readonly way?: Way
  /** The order of the questions. */
  readonly questions?: Order
  /** The order of the caches. */
  readonly caches?: Order
  /** Names of the questions to ask; by default all. */
  readonly only?: ReadonlySet<string>
  /** Replaces the store in memory. */
  readonly store?: Store
}

/** Lays out a world and asks every question. */
export async function judgeWorld(
  world: World,
  {
    order = AS_IT_IS,
    way = 'each',
    caches = AS_IT_IS,
    questions = AS_IT_IS,
    only,
    store = memoryStore(world, order),
  }: Judging = {},
): Promise<Verdicts> {
  const open = inquiriesInto(world)(store)
  const ask = async (inquiryOf: () => Inquiry): Promise<Verdicts> => {
    const verdicts = new Map<string, Judged>()
    for (const [name, question] of questions([...questionsOf(world, caches)])) {
      if (only?.has(name) !== false) verdicts.set(name, await question(inquiryOf()))
    }
    return verdicts
  }
  if (way === 'each') return ask(() => open(false))
  const first = open(way === 'twice')
  const verdicts = await ask(() => first)
  if (way === 'together') return verdicts
  const second = open(true)
  return ask(() => second)
}

/**
 * Lays out a world; returns a function that opens inquiries into it with this store, which may
 * record verdicts.
 */
export function inquiriesInto(world: World): (store: Store) => (records: boolean) => Inquiry {
  layOut(world)
  const policy = policyOf(world.policy)
  const state = emptyState()
  const places = { policy: `${HOME}/policy.toml`, state, attestations: undefined }
  return store => records =>
    openInquiry(places, { records, takesOut: false, kept: keptOf(policy, world, store) })
}

type Question = (inquiry: Inquiry) => Promise<Judged>

function questionsOf(world: World, caches: Order): ReadonlyMap<string, Question> {
  const { paths, derivations, answers, incoming, arrived } = world
  const questions = new Map<string, Question>()
  const add = (name: string, question: Question) =>
    questions.set(name, inquiry => orError(() => question(inquiry)))
  for (const { name, path } of paths) {
    add(`verify ${name}`, async inquiry => ofVerdict(await verifyPath(inquiry, path, 'registered')))
  }
  for (const { name, path } of derivations) {
    add(`build ${name}`, async inquiry => ofRefusals(await beforeBuild(inquiry, path, { starts: false })))
  }
  for (const { name, path } of paths) {
    const said = answers.get(name)
    if (said === undefined) continue
    const { digest } = parseStorePath(path)
    add(`offers ${name}`, async inquiry => ofOutcome(await admitOffers(inquiry, digest, caches(said))))
  }
  for (const [name, question] of incoming) {
    const file = arrived.get(question.path)
    if (file === undefined) throw new Error(`${name} is not in the store`)
    add(`incoming ${name}`, inquiry =>
      whileThere(question.path, file, async () =>
        ofRefusals([(await admitIncoming(inquiry, question)).refusal]),
      ),
    )
  }
  return questions
}

async function orError(question: () => Promise<Judged>): Promise<Judged> {
  try {
    return await question()
  } catch (error) {
    const { name, message } = error as Error
    return { isTrusted: false, words: `throws ${name}`, why: message }
  }
}

function ofVerdict(verdict: Verdict): Judged {
  if (verdict.outcome !== 'trusted') return ofRefusals([verdict])
  const { basis } = verdict
  const words = basis.kind === 'claims' ? `claims of ${[...basis.principals].sort().join(', ')}` : basis.kind
  return { isTrusted: true, words: `trusted: ${words}`, why: '' }
}

function ofOutcome(outcome: Awaited<ReturnType<typeof admitOffers>>): Judged {
  if (outcome.kind === 'absent') return { isTrusted: false, words: 'absent', why: '' }
  const judged = ofVerdict(outcome.verdict)
  return outcome.kind === 'unfetched' ? { ...judged, words: `unfetched, ${judged.words}` } : judged
}

function ofRefusals(answers: readonly (Refusal | undefined)[]): Judged {
  const refusals = answers.filter(answer => answer !== undefined)
  const words = refusals.map(refusal => `${refusal.outcome} ${exitCode(refusal)}`)
  if (refusals.length === 0) return { isTrusted: true, words: 'let in', why: '' }
  return {
    isTrusted: false,
    words: [...new Set(words)].sort().join(', '),
    why: refusals.map(reasonOf).join('; '),
  }
}

function reasonOf(refusal: Refusal): string {
  const [first] = refusal.findings
  if (first.code === 'input') return `${refusal.path} <- ${reasonOf(first.verdict)}`
  const detail = first.code === 'unreadable' ? `: ${first.trouble.origin}: ${first.trouble.detail}` : ''
  return `${refusal.path} ${refusal.kind} ${first.code}${detail}`
}

function keptOf(policy: Policy, { attestations }: World, store: Store): ResidentCache {
  return {
    policy: () => policy,
    store: async () => store,
    reader: () => path => attested(policy, path, attestations.get(path) ?? []),
    forget: () => undefined,
    close: () => undefined,
  }
}

/** Worlds share files, and all policies have the same people, so each file is read once. */
const READ = new Map<string, Promise<Evidence>>()
const READERS = new Map<string, AttestationReader>()
const POLICIES = new Map<string, Policy>()
const KEPT_LIMIT = 4096

function attested(policy: Policy, path: string, lines: readonly string[]): Promise<Evidence> {
  const reader = kept(READERS, '', () => attestationReader(policy, undefined))
  return kept(READ, [path, ...lines].join('\n'), () => reader(path))
}

function policyOf(toml: string): Policy {
  const certificate = () => new Uint8Array()
  return kept(POLICIES, toml, () => parsePolicy({ toml, file: 'policy.toml', directory: HOME, certificate }))
}

function kept<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key) ?? make()
  if (known.size > KEPT_LIMIT) known.clear()
  known.set(key, found)
  return found
}
