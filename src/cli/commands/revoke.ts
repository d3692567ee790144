/** `nixsig revoke WHO`: a key or a person counts no more, and what rested on that is told. */
import { jsonLine } from '../../explain/verdict-json.ts'
import type { Policy } from '../../policy/policy.ts'
import { when, word } from '../../policy/words.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { takenOutLines } from '../../quarantine/wording.ts'
import { type RevocationText, revocationNix } from '../../reach/revocation.ts'
import type { Places } from '../../verifier/places.ts'
import { loadPolicy } from '../../verifier/policy-file.ts'
import { askToAgree } from '../ask.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { isMadeElsewhere } from '../policy-argument.ts'
import { comparisonJson, noteUntold, restedWords, sayComparison } from '../reach-report.ts'
import {
  isOf,
  now,
  planRevocation,
  type Reached,
  type RevocationOptions,
  type RevocationPlan,
} from '../revocation-plan.ts'
import { assertOwnMachine, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends RevocationOptions {
  readonly quarantine: boolean
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly json: boolean
}

/** From now on, what rested on it alone is refused. */
export const revoke = command({
  arguments: {
    who: {
      count: 'one',
      text: 'A principal of the policy or of a list, a key as the policy writes it, or an OpenPGP fingerprint',
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
    ['revoke debian/libmd --reason "other key"', 'Whatever the list debian says of them'],
  ],
  epilogue: `Whatever the key signed, and whenever: a signature can be dated back. What still passes with other signers stands.
What falls is refused as an input from then on; it stays in the store unless --quarantine takes it out. What a
running system, a profile, a link or a process needs is never taken out.
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
  const plan = await planRevocation(options, places)
  const answering = { options, terminal, policy: places.policy }
  if (!options.json) show(plan, answering, places.state)
  if (plan.reached !== undefined) noteUntold(terminal, plan.reached.comparison, false)
  const isElsewhere = plan.already === undefined && isMadeElsewhere(places.policy)
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
  return carryOut(plan, answering, places)
}

/** Where and how it is answered. */
interface Answering {
  readonly options: Options
  readonly terminal: Terminal
  readonly policy: string
}

function show(
  { text, toml, already, reached, usages }: RevocationPlan,
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
  const isElsewhere = isMadeElsewhere(policy)
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
  { text, toml, reached, usages }: RevocationPlan,
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

async function carryOut(plan: RevocationPlan, answering: Answering, places: Places): Promise<Status> {
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
  const taken = isTaking
    ? await takeOut(reached, places, { text, terminal })
    : { ids: [], stays: [], lines: [] }
  for (const line of taken.lines) say(line)
  answer(plan, answering, {
    changed: already === undefined,
    quarantined: taken.ids,
    stays: taken.stays,
  })
  const status = saySettled(settled, terminal)
  return status === 0 && taken.stays.length > 0 ? 20 : status
}

/** Takes out of the store what fell and is not in use. */
async function takeOut(
  { comparison }: Reached,
  { state, ...others }: Places,
  { text, terminal }: { readonly text: RevocationText; readonly terminal: Terminal },
) {
  const places = { ...others, state }
  const { takenOutByCommand } = await import('../../verifier/command-decisions.ts')
  const { setAside, staysBecause } = await import('../../reach/set-aside.ts')
  const { usagesHere } = await import('../../reach/usages-here.ts')
  // Asked again: much may have come into use while the question was open.
  const usages = await usagesHere(comparison.falls.map(({ path }) => path))
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
  const refusals = leaving.flatMap(one =>
    staysBecause(one) === undefined ? (one.changed.refusal ?? []) : [],
  )
  await takenOutByCommand({ places, policy: policyNow(places) }, refusals, terminal.warn)
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

/** With the revocation in it; undefined if it cannot be read. */
function policyNow(places: Places): Policy | undefined {
  try {
    return loadPolicy(places, { remember: false })
  } catch {
    return undefined
  }
}

const STAYS = {
  system: 'for a running system needs it (switch to one without it, then the same command again)',
  profile:
    'for a profile, one of its generations, a link or a process needs it (nix-store --query --roots PATH names them; then the same command again)',
  unjudged: 'for what needs it could not be told (the same command again, with more --seconds)',
} as const
