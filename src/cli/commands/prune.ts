/** `nixsig prune`: drops from the machine's policy what nothing needs any more. */
import { jsonLine } from '../../explain/verdict-json.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import type { Pruned, PruneFacts, Pruning } from '../../reach/prune.ts'
import type { Places } from '../../verifier/places.ts'
import { askToAgree } from '../ask.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { isMadeElsewhere, policySource } from '../policy-argument.ts'
import { isReadable } from '../readable-inquiry.ts'
import { assertOwnMachine, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly 'older-than': string
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly json: boolean
}

const DAY = 86_400

/** Shown first as a difference of lines. */
export const prune = command({
  options: {
    'older-than': {
      kind: 'value',
      value: 'DAYS',
      fallback: '30',
      text: 'Drop what ended at least this many days ago',
    },
    'dry-run': { kind: 'flag', text: 'Change nothing: show what would be dropped' },
    yes: { kind: 'flag', text: 'Do not ask' },
    json: JSON_OPTION,
  },
  examples: [
    ['prune --dry-run', 'What nothing needs any more'],
    ['prune', 'Shows the lines that go, and asks'],
  ],
  epilogue: `Drops exemptions that are over, and those of paths that are gone or pass without them; groups that nothing asks
for; people whom nothing asks for and whose keys have all ended. Revocations stay, and so does whom they name.
Lists and developers of sources that nothing asks for are named, and stay.
Status 0: done, or nothing to do. 2: the policy is made elsewhere, so it was not changed.`,
  reads: EVERYWHERE,
  run: pruneIt,
})

async function pruneIt(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const dry = options['dry-run']
  if (!dry) assertOwnMachine('prune', places)
  if (!dry && options.json && !options.yes)
    throw new UsageError('--json asks nothing: add --yes or --dry-run')
  if (!/^\d{1,6}$/.test(options['older-than'])) throw new UsageError('--older-than takes a number of days')
  if (!isReadable(places))
    throw new UsageError(
      `cannot read ${printable(places.state)}, which is root's, so it is not known which exemptions are needed; next: the same command ${BY_ROOT}`,
    )
  const since = Number(options['older-than']) * DAY
  const { prune: find } = await import('../../reach/prune.ts')
  const source = policySource(places.policy, process.geteuid?.() === 0, places.state)
  const found = await withFacts(places, since, facts => find(source, facts))
  const isMade = isMadeElsewhere(places.policy)
  if (!options.json) await show(terminal, source.toml, found)
  const answer = (changed: boolean) => {
    if (options.json) terminal.print(jsonLine({ policy: places.policy, changed, ...listsOf(found) }))
  }
  if (dry || found.dropped.length === 0 || isMade) {
    answer(false)
    if (dry || !isMade || found.dropped.length === 0) return 0
    terminal.note(`nixsig: ${printable(places.policy)} is made by something else: drop this where it is made`)
    return 2
  }
  if (!options.yes && !(await askToAgree('drop this?'))) {
    terminal.note('nixsig: nothing was changed')
    return 0
  }
  const { changePolicy } = await import('../../setup/change-policy.ts')
  const { machinePlaces } = await import('../../setup/places.ts')
  const settled = await changePolicy(machinePlaces(), {
    text: now => {
      if (now.toml !== source.toml)
        throw new UsageError('the policy was changed meanwhile; next: the same command again')
      return found.toml
    },
    problem: () => undefined,
  })
  answer(true)
  return saySettled(settled, terminal)
}

/** What is known of paths here: asks no source and hashes nothing. */
async function withFacts<T>(
  places: Places,
  since: number,
  use: (facts: PruneFacts) => Promise<T>,
): Promise<T> {
  const [{ openTrial }, { verifyPath }, { openStore }] = await Promise.all([
    import('../../reach/trial.ts'),
    import('../../verifier/verify.ts'),
    import('../../store/store-client.ts'),
  ])
  const store = await openStore()
  try {
    return await use({
      now: Math.floor(Date.now() / 1000),
      since,
      isGone: async path =>
        (await store.pathInfo(path)) === undefined && (await store.derivers(path)).length === 0,
      passes: async (draft, path) => {
        if ((await store.pathInfo(path)) === undefined) return false
        const inquiry = openTrial(places, draft)
        try {
          return (await verifyPath(inquiry, path, 'registered')).outcome === 'trusted'
        } finally {
          inquiry.close()
        }
      },
    })
  } finally {
    store.close()
  }
}

async function show(terminal: Terminal, before: string, { toml, dropped, kept }: Pruning): Promise<void> {
  const { hunks, lineDiff } = await import('../../setup/line-diff.ts')
  if (dropped.length === 0) terminal.print('nothing to drop')
  for (const one of dropped) terminal.print(`${one.part}: ${one.what}: ${one.why}`)
  if (dropped.length > 0)
    for (const { mark, text } of hunks(lineDiff(before, toml), 2)) {
      const line = `  ${mark} ${printable(text, 400)}`
      terminal.print(mark === '-' ? terminal.bad(line) : line)
    }
  for (const one of kept) terminal.note(`nixsig: ${one.part}: ${one.what}: ${one.why}`)
}

function listsOf({ dropped, kept }: Pruning) {
  const json = ({ part, what, why, line }: Pruned) => ({ part, what, why, line: line ?? null })
  return { dropped: dropped.map(json), kept: kept.map(json) }
}
