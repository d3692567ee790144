/** Properties that hold in every small world. */
import { decisionsOf } from './decisions.ts'
import { type Judged, judgeWorld, type Verdicts, type Way } from './fronts.ts'
import { isNamedPart, isPutOff, type Labelled, makeBoth, mostEarned, withLabels } from './labels.ts'
import { makeWorld } from './make.ts'
import { somePlan } from './plan.ts'
import { someDisturbances } from './surroundings.ts'
import type { World } from './world.ts'

/** The outcome of a property in the world that some bytes determine. */
export interface Outcome {
  /** What was violated: a line for each verdict, and the world as JSON. */
  readonly broken?: string
  /**
   * The verdicts that occurred, `<front>: <verdict>`, each once; `earned` if labels rightly led to
   * trust.
   */
  readonly cameTo: readonly string[]
}

export type Property = (bytes: Uint8Array) => Promise<Outcome>

const WAYS: readonly Way[] = ['each', 'together', 'twice']

/**
 * nixsig's attributes in derivations never turn a refusal into trust, except through a valid
 * signature by a listed key.
 */
export async function labelsEarnNothing(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plans = withLabels(decisions, somePlan(decisions))
  const way = decisions.pick(WAYS)
  const [before, after] = makeBoth(plans)
  const labelled = await judgeWorld(after, { way })
  const trusted = namesOf(labelled, name => !isExpected(plans, name))
  // With `twice`, what was recorded before a question can influence its answer.
  const asking = (names: ReadonlySet<string>) => (way === 'twice' ? { way } : { way, only: names })
  const unlabelled = await judgeWorld(before, asking(trusted))
  const gained = [...trusted].filter(name => unlabelled.get(name)?.isTrusted === false)
  if (gained.length === 0) return { cameTo: cameTo(labelled) }
  const most = await judgeWorld(mostEarned(plans), asking(new Set(gained)))
  const wrong = gained.filter(name => most.get(name)?.isTrusted === false)
  if (wrong.length === 0) return { cameTo: [...cameTo(labelled), 'earned'] }
  const lines = wrong.map(name => told(name, unlabelled, labelled))
  return { broken: report(lines, { way, ...plans }), cameTo: [] }
}

/** The names of the questions with the verdict trusted, among those that are compared. */
function namesOf(verdicts: Verdicts, isLookedAt: (name: string) => boolean): ReadonlySet<string> {
  const trusted = [...verdicts].filter(([name, { isTrusted }]) => isTrusted && isLookedAt(name))
  return new Set(trusted.map(([name]) => name))
}

/**
 * Effects that labels may have without a signature by a listed key: a build that fetches a
 * signature, or a file with one, is only judged when it is done; and a file that is a signature may
 * be in the store as one.
 */
function isExpected(plans: Labelled, name: string): boolean {
  const [, front = '', number = ''] = /^(\w+) (\d+)/.exec(name) ?? []
  const node = plans.after.nodes[Number(number)]
  const isFetchedAsOne =
    (node?.kind === 'fetch' && node.labels?.role === true) ||
    plans.variants.some(({ of, labels }) => of === Number(number) && labels?.role === true)
  if (front === 'incoming') return isFetchedAsOne || isNamedPart(plans, Number(number))
  return front === 'build' && node?.kind === 'fetch' && isPutOff(node)
}

/**
 * Neither the order of the store's and the caches' answers nor derivations that nobody vouches for
 * change a verdict.
 */
export async function surroundingsChangeNothing(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plan = somePlan(decisions)
  const way = decisions.pick(WAYS)
  const disturbances = someDisturbances(decisions, plan)
  const quiet = makeWorld(plan)
  const calm = await judgeWorld(quiet, { way })
  const world = makeWorld(plan, (draft, made) => {
    for (const { act } of disturbances) act(draft, made)
  })
  const order = decisions.shuffle
  const disturbed = await judgeWorld(world, { way, order, caches: order })
  const wrong = [...calm.keys()].filter(name => {
    if (isProvenLater(quiet, world, name) || isNowNamed(disturbances, name)) return false
    const [before, after] = [calm.get(name), disturbed.get(name)]
    if (isAboutNothing(world, name)) return before?.isTrusted !== after?.isTrusted
    return saidOf(name, before) !== saidOf(name, after)
  })
  if (wrong.length === 0) return { cameTo: cameTo(calm) }
  const lines = wrong.map(name => told(name, calm, disturbed))
  const about = { way, disturbances: disturbances.map(({ name }) => name), plan }
  return { broken: report(lines, about), cameTo: [] }
}

/**
 * An inquiry that is asked every question, in any order, gives the same answers as one that is
 * asked a single question.
 */
export async function nothingIsMixedUp(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plan = somePlan(decisions)
  const variants = someDisturbances(decisions, plan)
  const world = makeWorld(plan, (draft, made) => {
    for (const { act } of variants) act(draft, made)
  })
  const questions = decisions.shuffle
  const together = await judgeWorld(world, { way: 'together', questions })
  const each = await judgeWorld(world, { way: 'each' })
  const wrong = [...each.keys()].filter(name => each.get(name)?.words !== together.get(name)?.words)
  if (wrong.length === 0) return { cameTo: cameTo(each) }
  const lines = wrong.map(name => told(name, each, together))
  const about = { order: [...together.keys()], disturbances: variants.map(({ name }) => name), plan }
  return { broken: report(lines, about), cameTo: [] }
}

/**
 * Whether a derivation that somebody added names a path that comes in as a signature. One that is a
 * signature may then be in the store as that, which the property about labels holds.
 */
function isNowNamed(disturbances: readonly { readonly name: string }[], question: string): boolean {
  const [, number] = /^incoming (\d+)$/.exec(question) ?? []
  return disturbances.some(
    ({ name }) => name.startsWith(`a valid variant of ${number},`) && name.includes('"role":true'),
  )
}

/**
 * What must be the same. Of a build that is refused for several reasons, and of a path that comes
 * in and that some derivation names as a signature, which reason is found first may follow from the
 * derivations around it: the outcome counts, without the exit status. What is refused may be
 * fetched before it is refused, to see whether it is the signature that a derivation says it is.
 */
function saidOf(name: string, judged: Judged | undefined): string | undefined {
  const words = judged?.words.replace(/^unfetched, (?=untrusted|indeterminate)/, '')
  return /^(build|incoming) /.test(name) ? words?.replace(/ \d+/g, '') : words
}

/**
 * Whether only a derivation that somebody added shows that an offered file was fetched. That is a
 * proof whoever added it, because the path follows from the hash in the derivation. A tree's path
 * follows from its NAR hash as well.
 */
function isProvenLater(quiet: World, disturbed: World, question: string): boolean {
  const [, name = ''] = /^offers (.*)$/.exec(question) ?? []
  const asked = quiet.incoming.get(name)
  if (asked?.contentAddress?.method !== 'flat') return false
  const isAddressed = (quiet.answers.get(name) ?? []).some(
    ({ said }) => said.kind === 'offer' && said.offer.narinfo.contentAddress !== undefined,
  )
  // The outputs of a derivation that is gone are known to nobody any more.
  const isMade = ({ outputs, infos }: World) =>
    [...outputs].some(([by, made]) => infos.has(by) && [...made.values()].includes(asked.path))
  return !isAddressed && !isMade(quiet) && isMade(disturbed)
}

/**
 * For a path that is not in the store not even the kind is known, so several reasons for not
 * trusting it are right.
 */
function isAboutNothing({ paths, infos }: World, name: string): boolean {
  return paths.some(one => `verify ${one.name}` === name && !infos.has(one.path))
}

function told(name: string, first: Verdicts, second: Verdicts): string {
  const [before, after] = [first.get(name), second.get(name)]
  return `${name}: "${before?.words}" [${before?.why}] became "${after?.words}" [${after?.why}]`
}

function cameTo(verdicts: Verdicts): readonly string[] {
  const all = [...verdicts].map(([name, { words }]) => `${name.split(' ')[0]}: ${words}`)
  return [...new Set(all)].sort()
}

function report(lines: readonly string[], about: unknown): string {
  return `${lines.join('\n')}\n${JSON.stringify(about)}`
}
