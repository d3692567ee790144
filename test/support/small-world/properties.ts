/** What holds in every small world. */
import { decisionsOf } from './decisions.ts'
import { judgeWorld, type Verdicts, type Way } from './fronts.ts'
import { isNamedPart, isPutOff, type Labelled, makeBoth, mostEarned, withLabels } from './labels.ts'
import { makeWorld } from './make.ts'
import { somePlan } from './plan.ts'
import { someDisturbances } from './surroundings.ts'
import type { World } from './world.ts'

/** What a property came to in the world that some bytes make. */
export interface Outcome {
  /** What broke: a line for each verdict, and the world as JSON. */
  readonly broken?: string
  /** Which verdicts there were, `<front>: <verdict>`, each once; `earned` if labels led to trust by right. */
  readonly cameTo: readonly string[]
}

export type Property = (bytes: Uint8Array) => Promise<Outcome>

const WAYS: readonly Way[] = ['each', 'together', 'twice']

/** Attributes of nixsig never turn a refusal into trust, but for a good signature by a listed key. */
export async function labelsEarnNothing(bytes: Uint8Array): Promise<Outcome> {
  const decisions = decisionsOf(bytes)
  const plans = withLabels(decisions, somePlan(decisions))
  const way = decisions.pick(WAYS)
  const [before, after] = makeBoth(plans)
  const labelled = await judgeWorld(after, { way })
  const trusted = namesOf(labelled, name => !isExpected(plans, name))
  // What was written down before a question is asked can matter to its answer.
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

/** The questions that came out trusted, of those that are looked at. */
function namesOf(verdicts: Verdicts, isLookedAt: (name: string) => boolean): ReadonlySet<string> {
  const trusted = [...verdicts].filter(([name, { isTrusted }]) => isTrusted && isLookedAt(name))
  return new Set(trusted.map(([name]) => name))
}

/**
 * What labels do by right without any signature of a listed key. A build that is to fetch a signature, or a file with one, is
 * judged when it is done; and what is a signature may be there as that.
 */
function isExpected(plans: Labelled, name: string): boolean {
  const [, front = '', number = ''] = /^(\w+) (\d+)/.exec(name) ?? []
  const node = plans.after.nodes[Number(number)]
  const isFetchedAsOne = node?.kind === 'fetch' && node.labels?.role === true
  if (front === 'incoming') return isFetchedAsOne || isNamedPart(plans, Number(number))
  return front === 'build' && node?.kind === 'fetch' && isPutOff(node)
}

/** Neither the order of what the store and the caches answer nor derivations that nobody stands for change a verdict. */
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
    if (isProvenLater(quiet, world, name)) return false
    const [before, after] = [calm.get(name), disturbed.get(name)]
    return isAboutNothing(world, name)
      ? before?.isTrusted !== after?.isTrusted
      : before?.words !== after?.words
  })
  if (wrong.length === 0) return { cameTo: cameTo(calm) }
  const lines = wrong.map(name => told(name, calm, disturbed))
  const about = { way, disturbances: disturbances.map(({ name }) => name), plan }
  return { broken: report(lines, about), cameTo: [] }
}

/** One who is asked everything, in whatever order, answers like one who is asked nothing else. */
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
 * Whether nothing shows that an offered file was fetched but a derivation that somebody added: that is a proof, whoever it was,
 * for the path follows from the hash that the derivation names. A tree's path follows from its NAR hash as well.
 */
function isProvenLater(quiet: World, disturbed: World, question: string): boolean {
  const [, name = ''] = /^offers (.*)$/.exec(question) ?? []
  const asked = quiet.incoming.get(name)
  if (asked?.contentAddress?.method !== 'flat' || quiet.infos.has(asked.path)) return false
  const isAddressed = (quiet.answers.get(name) ?? []).some(
    ({ said }) => said.kind === 'offer' && said.offer.narinfo.contentAddress !== undefined,
  )
  const isMade = ({ outputs }: World) =>
    [...outputs.values()].some(made => [...made.values()].includes(asked.path))
  return !isAddressed && !isMade(quiet) && isMade(disturbed)
}

/** Of what is not there not even the kind is known, so why it is not trusted can be told in several ways. */
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
