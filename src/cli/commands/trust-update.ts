/** `nixsig trust update`: takes in what the keepers of lists have published. */
import { jsonLine } from '../../explain/verdict-json.ts'
import { isUnreadable } from '../../lists/subscribe/contents.ts'
import { inTurn, listPlace, tufPlace } from '../../lists/subscribe/places.ts'
import type { Proposal, Updated } from '../../lists/subscribe/update.ts'
import type { ListInForce } from '../../policy/lists/book.ts'
import type { Policy } from '../../policy/policy.ts'
import { withNextStep } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { wordsOfSystemError } from '../../primitives/system-error-words.ts'
import type { Comparison } from '../../reach/compare.ts'
import { askToAgree, hasTerminal } from '../ask.ts'
import { command, type Invocation, JSON_LINES_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import {
  assertOwnLists,
  chosenLists,
  fallenWith,
  type ListPlaces,
  now,
  policyHere,
  SUBSCRIBE,
  sourceAt,
  tryLater,
} from '../trust-lists.ts'
import { differenceJson, endWords, fallsJson, sayDifference, sayFalls, sayKeepers } from '../trust-report.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly names: readonly string[]
  readonly yes: boolean
  readonly shown: string | undefined
  readonly 'clock-was-ahead': boolean
  readonly seconds: string
  readonly json: boolean
}

/** Shows what changes before it takes effect. */
export const trustUpdate = command({
  arguments: { names: { count: 'any number', text: 'Lists, as the policy calls them; all by default' } },
  options: {
    yes: { kind: 'flag', text: 'Take what is new without asking, from lists that are not pinned' },
    shown: {
      kind: 'value',
      value: 'DIGEST',
      text: 'Take without asking what trust diff has shown with this digest, and nothing else',
    },
    'clock-was-ahead': {
      kind: 'flag',
      text: "Forget the latest time of an update: this machine's clock was ahead then",
    },
    seconds: {
      kind: 'value',
      value: 'SECONDS',
      fallback: '60',
      text: 'How long to look for what would fall',
    },
    json: JSON_LINES_OPTION,
  },
  examples: [
    ['trust update', 'Shows what is new in every list, and asks'],
    ['trust update debian --yes', 'Takes what is new in one'],
    ['trust update debian --shown 5f0c…', 'Takes what trust diff has shown, and nothing newer'],
  ],
  epilogue: `Revocations are taken at once, also where the rest waits (revocations = "with-updates" in the policy waits).
Without a terminal nothing is asked: what is new waits, and nixsig trust diff shows it.
Status 0: everything is taken, or pinned. 12: something waits for somebody to agree. 20: a list could not be updated,
or another update of it runs.`,
  reads: ['policy', 'state'],
  run: update,
})

async function update(
  options: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  assertOwnLists('trust update', places)
  if (options.shown !== undefined && (options.names.length !== 1 || options.yes))
    throw new UsageError('--shown is about one list, and says all that --yes would')
  const policy = await policyHere(places)
  const lists = chosenLists(policy, options.names)
  if (lists.length === 0) terminal.note(`nixsig: the policy subscribes to no list; next: ${SUBSCRIBE}`)
  const statuses: Status[] = []
  for (const list of lists) {
    statuses.push(await updateOne(list, options, { places, policy, terminal }))
  }
  if (lists.length > 0) statuses.push(await announce(terminal))
  return ([20, 2, 12] as const).find(status => statuses.includes(status)) ?? 0
}

/**
 * Also where nothing was written: an update that was killed may have written a book, and told
 * nobody.
 */
async function announce(terminal: Terminal): Promise<Status> {
  const [{ announcePolicy }, { machinePlaces }] = await Promise.all([
    import('../../setup/announce-policy.ts'),
    import('../../setup/places.ts'),
  ])
  try {
    return saySettled(await announcePolicy(machinePlaces()), terminal)
  } catch (error) {
    terminal.note(
      `nixsig: whoever judges may not know of it yet: ${wordsOf(error)}; next: mend that, then nixsig trust update`,
    )
    return 20
  }
}

interface Here {
  readonly places: ListPlaces
  /** As it was before anything was taken. */
  readonly policy: Policy
  readonly terminal: Terminal
}

async function updateOne(
  list: ListInForce,
  options: Options,
  { places, policy, terminal }: Here,
): Promise<Status> {
  const { name, updates } = list
  const patience = millisecondsOf('--seconds', options.seconds)
  const { updateList, setClockBack } = await import('../../lists/subscribe/update.ts')
  const directory = listPlace(places.state, name)
  const source = await sourceAt(updates.url)
  // Nothing but what was shown is taken, whatever would be taken without asking.
  const mode = options.shown !== undefined && updates.mode === 'auto' ? 'ask' : updates.mode
  let fallen: Comparison | undefined
  const agree = async (proposal: Proposal): Promise<boolean> => {
    fallen = await fallenWith(places, { name, book: proposal.book, before: policy, patience })
    if (!options.json) sayProposal(terminal, list, proposal, fallen)
    if (options.shown !== undefined) return proposal.book.digest === options.shown
    if (updates.mode !== 'ask' || options.yes || proposal.isSettled) return true
    return hasTerminal() && !options.json && (await askToAgree(`take this from ${name}?`))
  }
  terminal.progress(`${name}: asking ${updates.url}`)
  const { openTufStore } = await import('../../lists/tuf/store.ts')
  const rootHere = () => {
    try {
      return openTufStore(tufPlace(directory)).root()
    } catch (error) {
      // The update says so, or mends it.
      if (isUnreadable(error)) return undefined
      throw error
    }
  }
  const turn = inTurn(directory, async () => {
    if (options['clock-was-ahead']) setClockBack(directory, now())
    const before = rootHere()
    const updated = await updateList({ name, directory, source, ...updates, mode, now: now(), agree })
    if (!options.json) sayKeepers(terminal, name, { before, after: rootHere() })
    return updated
  })
  const result = await turn.then(done => done?.value ?? failed('another update of it runs'), failedBy)
  if (options.json) terminal.print(jsonLine(resultJson(list, result, fallen)))
  else sayResult(terminal, list, result)
  return statusOf(result, list)
}

function failed(problem: string): Updated {
  return { kind: 'failed', problem, changed: false }
}

/** One list that cannot be read or written here keeps no other from being updated. */
function failedBy(error: unknown): Updated {
  return failed(wordsOf(error))
}

/** Why something could not be read or written, escaped. Throws any other error. */
function wordsOf(error: unknown): string {
  const why = isUnreadable(error) ? error.message : wordsOfSystemError(error)
  if (why === undefined) throw error
  return printable(why, 1000)
}

function statusOf({ kind }: Updated, { updates }: ListInForce): Status {
  if (kind === 'failed') return 20
  return kind === 'waits' && updates.mode !== 'pinned' ? 12 : 0
}

function sayProposal(
  terminal: Terminal,
  { name }: ListInForce,
  { difference, isWithdrawn }: Proposal,
  fallen: Comparison | undefined,
): void {
  const { from, to } = difference
  const versions = from === 0 ? `version ${to}` : `version ${from} to ${to}`
  terminal.print(terminal.strong(`${name}: ${versions}`))
  if (isWithdrawn)
    terminal.print(
      terminal.bad(
        '! its keepers have withdrawn the keys that signed the state in force: these may be in wrong hands',
      ),
      'refusal',
    )
  sayDifference(terminal, difference)
  sayFalls(terminal, fallen)
}

function sayResult(terminal: Terminal, { name, updates }: ListInForce, result: Updated): void {
  switch (result.kind) {
    case 'taken':
      terminal.print(
        `${name}: ${terminal.good('updated')} to version ${result.difference.to}, ${endWords(result.ends, now())}`,
      )
      return
    case 'newest':
      terminal.print(`${name}: version ${result.version} is the newest, ${endWords(result.ends, now())}`)
      return
    case 'waits': {
      const { difference, revoked, ends } = result
      if (revoked) terminal.print(`${name}: ${terminal.good('took its new revocations')}`)
      const what = updates.mode === 'pinned' ? 'it is pinned' : 'nobody has agreed to it'
      terminal.print(
        `${name}: ${terminal.doubtful('waits')}: version ${difference.to}, for ${what}; the state in force ${endWords(ends, now())}; next: nixsig trust diff ${name}`,
        'refusal',
      )
      return
    }
    case 'failed':
      terminal.print(
        withNextStep(
          `${name}: ${terminal.bad('not updated')}: ${result.problem}`,
          tryLater(`nixsig trust update ${name}`),
        ),
        'refusal',
      )
  }
}

function resultJson({ name, updates }: ListInForce, result: Updated, fallen: Comparison | undefined): object {
  const common = { list: name, url: updates.url, mode: updates.mode, result: result.kind }
  switch (result.kind) {
    case 'failed':
      return { ...common, problem: result.problem }
    case 'newest':
      return { ...common, version: result.version, ends: result.ends }
    default:
      return {
        ...common,
        ends: result.ends,
        difference: differenceJson(result.difference),
        comparison: fallsJson(fallen),
        ...(result.kind === 'waits' && { revocations_taken: result.revoked }),
      }
  }
}
