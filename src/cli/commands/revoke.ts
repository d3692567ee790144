/** `nixsig revoke WHO`: a key or a person counts no more, and what rested on that is told. */
import { lstatSync } from 'node:fs'
import { jsonLine } from '../../explain/verdict-json.ts'
import { NO_POLICY } from '../../ledger/admissions.ts'
import { parseInstant } from '../../policy/language/instant.ts'
import { type PolicySource, parsePolicy } from '../../policy/language/parse.ts'
import type { Policy, Revocation } from '../../policy/policy.ts'
import { when, word } from '../../policy/words.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { takenOutLines } from '../../quarantine/wording.ts'
import type { Comparison } from '../../reach/compare.ts'
import {
  type RevocationText,
  reasonProblem,
  revocationNix,
  revocationToml,
  revokedTarget,
} from '../../reach/revocation.ts'
import type { Usage, Usages } from '../../reach/usage.ts'
import type { Places } from '../../verifier/places.ts'
import { askToAgree } from '../ask.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { policySource } from '../policy-argument.ts'
import { comparisonJson, noteUntold, restedWords, sayComparison } from '../reach-report.ts'
import { isReadable } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { assertOwnMachine, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly who: string
  readonly reason: string
  readonly date: string | undefined
  readonly quarantine: boolean
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly seconds: string
  readonly json: boolean
}

/** From now on, what rested on it alone is refused. */
export const revoke = command({
  arguments: {
    who: {
      count: 'one',
      text: 'A principal of the policy, a key as the policy writes it, or an OpenPGP fingerprint',
    },
  },
  options: {
    reason: { kind: 'value', value: 'TEXT', required: true, text: 'Why, for everybody who is refused' },
    date: { kind: 'value', value: 'DATE', text: 'From when on it does not count; now by default' },
    quarantine: {
      kind: 'flag',
      text: 'Take what falls out of the store too, with all that refers to it, unless it is in use',
    },
    'dry-run': { kind: 'flag', text: 'Change nothing: show what would fall, and what refers to it' },
    yes: { kind: 'flag', text: 'Do not ask' },
    seconds: { kind: 'value', value: 'SECONDS', fallback: '60', text: 'How long to judge what may fall' },
    json: JSON_OPTION,
  },
  examples: [
    ['revoke alice --reason "laptop stolen" --dry-run', 'What rests on alice alone'],
    ['revoke alice --reason "laptop stolen"', 'Her keys count no more, whatever they signed before'],
    ['revoke alice --reason "laptop stolen" --quarantine', 'And what falls leaves the store'],
  ],
  epilogue: `Whatever the key signed, and whenever: a signature can be dated back. What still passes with other signers stands.
What falls is refused as an input from then on; it stays in the store unless --quarantine takes it out. What a
running system or a profile needs is never taken out.
Status 0: done, or shown. 2: the policy is made elsewhere, so it was not changed; what to write is printed.
20: something of what should leave the store is in use, or could not be told.`,
  reads: EVERYWHERE,
  run: revokeIt,
})

async function revokeIt(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const dry = options['dry-run']
  if (!dry) assertOwnMachine('revoke', places)
  if (!dry && options.json && !options.yes)
    throw new UsageError('--json asks nothing: add --yes or --dry-run')
  const plan = await planOf(options, places)
  const answering = { options, terminal, policy: places.policy }
  if (!options.json) show(plan, answering, places.state)
  if (plan.reached !== undefined) noteUntold(terminal, plan.reached.comparison, false)
  const isElsewhere = plan.already === undefined && isLink(places.policy)
  if (dry || isElsewhere || (plan.already !== undefined && !options.quarantine)) {
    answer(plan, answering, NOTHING_DONE)
    if (dry || !isElsewhere) return 0
    terminal.note(`nixsig: ${printable(places.policy)} is made by something else, so nothing is revoked yet`)
    return 2
  }
  const question = plan.already === undefined ? 'revoke this?' : 'take this out of the store?'
  if (!options.yes && !(await askToAgree(question))) {
    terminal.note('nixsig: nothing was changed')
    return 0
  }
  return carryOut(plan, answering, places.state)
}

/** What is to be done, and what comes of it. */
interface Plan {
  readonly text: RevocationText
  /** The entry of the policy. */
  readonly toml: string
  /** The same, where it is in force already. */
  readonly already: Revocation | undefined
  /** Undefined where the ledger cannot be read. */
  readonly reached: Reached | undefined
  readonly usages: ReadonlyMap<string, Usage>
}

async function planOf(options: Options, places: Places): Promise<Plan> {
  const patience = millisecondsOf('--seconds', options.seconds)
  const source = policySource(places.policy, process.geteuid?.() === 0)
  const policy = parsePolicy(source)
  const text = textOf(options, policy)
  const already = policy.revocations.find(one => isOf(one, text) && one.from <= now())
  const compared =
    already === undefined
      ? { before: policy, after: draftOf(source, text) }
      : { before: without(policy, text), after: policy }
  const reached = isReadable(places) ? await reach({ places, ...compared, text, patience }) : undefined
  const usages = new Map(reached?.usages.usages.map(usage => [usage.path, usage]))
  return { text, toml: revocationToml(text), already, reached, usages }
}

/** Where and how it is answered. */
interface Answering {
  readonly options: Options
  readonly terminal: Terminal
  readonly policy: string
}

function show(
  { text, toml, already, reached, usages }: Plan,
  { options, terminal, policy }: Answering,
  state: string,
): void {
  const { target, date, reason } = text
  const verb = options['dry-run'] ? 'would revoke' : 'revokes'
  if (already === undefined) terminal.print(`${verb} ${target.words} from ${when(date)} (${word(reason)})`)
  else terminal.print(`revoked already, from ${when(already.from)}: ${target.words}`)
  if (reached === undefined)
    terminal.note(
      `nixsig: ${printable(state)} is root's alone, so what was admitted is not known here; with all of it: the same command ${BY_ROOT}`,
    )
  else {
    terminal.print(restedWords(reached.comparison))
    sayComparison(terminal, reached.comparison, usages)
  }
  const isElsewhere = isLink(policy)
  if (already !== undefined || !(options['dry-run'] || isElsewhere)) return
  terminal.print(isElsewhere ? 'to write where the policy is made:' : 'what the policy would get:')
  terminal.print(`\n${isElsewhere ? revocationNix(text) : toml}`.trimEnd())
}

interface Done {
  readonly changed: boolean
  readonly quarantined: readonly string[]
  readonly stays: readonly { readonly path: string; readonly because: string }[]
}

const NOTHING_DONE: Done = { changed: false, quarantined: [], stays: [] }

function answer(
  { text, toml, reached, usages }: Plan,
  { options, terminal, policy }: Answering,
  done: Done,
): void {
  if (!options.json) return
  const { target, date, reason } = text
  const comparison = reached === undefined ? null : comparisonJson(reached.comparison, usages)
  const revocation = { keys: [...target.keys], date, reason, toml }
  terminal.print(
    jsonLine({ policy, revocation, rested: reached?.comparison.rested ?? null, comparison, ...done }),
  )
}

async function carryOut(plan: Plan, answering: Answering, state: string): Promise<Status> {
  const { text, toml, already, reached } = plan
  const { options, terminal } = answering
  const { changePolicy, withAppended } = await import('../../setup/change-policy.ts')
  const { machinePlaces } = await import('../../setup/places.ts')
  const settled = await changePolicy(machinePlaces(), {
    // Somebody else may have written it meanwhile.
    text: (source, { revocations }) =>
      revocations.some(one => isOf(one, text) && one.from <= text.date)
        ? undefined
        : withAppended(source.toml, toml),
    problem: (was, is) =>
      is.revocations.length === was.revocations.length + 1 ? undefined : 'it would not have this revocation',
  })
  const say = (line: string) => (options.json ? terminal.note(line) : terminal.print(line))
  if (already === undefined)
    say(
      `${terminal.good('revoked')}: what needs it is refused from ${text.date <= now() ? 'now' : when(text.date)} on`,
    )
  const isTaking = options.quarantine && reached !== undefined
  const taken = isTaking ? await takeOut(reached, state, text) : { ids: [], stays: [], lines: [] }
  for (const line of taken.lines) say(line)
  answer(plan, answering, {
    changed: already === undefined,
    quarantined: taken.ids,
    stays: taken.stays,
  })
  const status = saySettled(settled, terminal)
  return status === 0 && taken.stays.length > 0 ? 20 : status
}

function textOf({ who, reason, date }: Options, policy: Policy): RevocationText {
  const problem = reasonProblem(reason)
  if (problem !== undefined) throw new UsageError(`--reason ${problem}`)
  const instant = date === undefined ? now() : parseInstant(date)
  if (instant === undefined)
    throw new UsageError(`--date ${printable(date ?? '', 60)} is not a date such as ${when(now())}`)
  const target = revokedTarget(policy, who)
  if ('problem' in target)
    throw new UsageError(`${target.problem}; next: nixsig policy describe names everybody with their keys`)
  return { target, date: instant, reason }
}

/** Whether a revocation has this target. */
function isOf({ target }: Revocation, { target: { keys, principal } }: RevocationText): boolean {
  return 'principal' in target
    ? target.principal === principal
    : principal === undefined && keys.has(target.key)
}

/** The policy as if this had not been revoked: the ledger has nothing that was admitted under it. */
function without(policy: Policy, text: RevocationText): Policy {
  return { ...policy, digest: NO_POLICY, revocations: policy.revocations.filter(one => !isOf(one, text)) }
}

/** The policy once the revocation is in force, be that today. */
function draftOf(source: PolicySource, text: RevocationText): Policy {
  const inForce = revocationToml({ ...text, date: Math.min(text.date, now()) })
  const whole = source.toml.replace(/\s*$/, '')
  return parsePolicy({ ...source, toml: `${whole}\n\n${inForce}` })
}

interface Reached {
  readonly comparison: Comparison
  readonly usages: Usages
}

async function reach({
  places,
  before,
  after,
  text,
  patience,
}: {
  readonly places: Places
  readonly before: Policy
  readonly after: Policy
  readonly text: RevocationText
  readonly patience: number
}): Promise<Reached> {
  const { fallenUnder } = await import('../../reach/fallen.ts')
  const { usagesHere } = await import('../../reach/usages-here.ts')
  const support = { kind: 'keys', keys: text.target.keys } as const
  const comparison = await fallenUnder(places, after, { before, support, patience })
  return {
    comparison,
    usages: await usagesHere(
      comparison.falls.map(({ path }) => path),
      patience,
    ),
  }
}

/** Takes out of the store what fell and is not in use. */
async function takeOut({ comparison, usages }: Reached, state: string, text: RevocationText) {
  const { setAside, staysBecause } = await import('../../reach/set-aside.ts')
  const byPath = new Map(usages.usages.map(usage => [usage.path, usage]))
  const fallen = comparison.falls.flatMap(changed => {
    const usage = byPath.get(changed.path)
    return usage === undefined ? [] : [{ changed, usage }]
  })
  const stays = fallen.flatMap(one => {
    const because = usages.isComplete ? staysBecause(one) : 'unjudged'
    return because === undefined || because === 'gone' || because === 'derivation'
      ? []
      : [{ path: one.changed.path, because }]
  })
  const why = `revoked: ${text.target.words} from ${when(text.date)} (${word(text.reason)})`
  const leaving = usages.isComplete ? fallen : []
  const taken = await setAside(state, leaving, { now: now(), why })
  return {
    ids: taken.kept,
    stays,
    lines: [
      ...takenOutLines(taken),
      ...stays.map(({ path, because }) => `stays in the store, ${STAYS[because]}: ${path}`),
    ],
  }
}

const STAYS = {
  system: 'for a running system needs it (switch to one without it, then the same command again)',
  profile: 'for a profile or a link in use needs it (remove it from there, then the same command again)',
  unjudged: 'for what it is needed for could not be told',
} as const

function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
