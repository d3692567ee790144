/** `nixsig trust pin NAME`: a list stays as it is, and what is new is only told. */
import { jsonLine } from '../../explain/verdict-json.ts'
import { FileError } from '../../files/regular-file.ts'
import { listPlace } from '../../lists/subscribe/places.ts'
import type { ListInForce, ListUpdates } from '../../policy/lists/book.ts'
import { withNextStep } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { askToAgree } from '../ask.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { numberOption } from '../list-arguments.ts'
import { saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import {
  assertMadeHere,
  assertOwnLists,
  chosenList,
  inTurnOnly,
  LIST_NAME_ARGUMENT,
  type ListPlaces,
  now,
  policyHere,
  sourceAt,
  tryLater,
} from '../trust-lists.ts'
import { sayDifference } from '../trust-report.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly name: string
  readonly number: string | undefined
  readonly undo: boolean
  readonly yes: boolean
  readonly json: boolean
}

/** Sets `updates` of the list in the policy. */
export const trustPin = command({
  arguments: {
    name: LIST_NAME_ARGUMENT,
    number: { count: 'at most one', text: 'The version to pin it to: the one in force, or the newest' },
  },
  options: {
    undo: { kind: 'flag', text: 'Follow it again: what is new is asked about' },
    yes: { kind: 'flag', text: 'Do not ask, if that version has to be taken first' },
    json: JSON_OPTION,
  },
  examples: [
    ['trust pin debian', 'It stays at the version in force'],
    ['trust pin debian --undo', 'Updates are asked about again'],
  ],
  epilogue: `New revocations are taken all the same, unless revocations = "with-updates" in the policy. What is pinned
ends like everything else: the list has to be renewed by its keepers, and the version that is pinned must not have ended.`,
  reads: ['policy', 'state'],
  run: pin,
})

async function pin(options: Options, { places, terminal }: Invocation<'policy' | 'state'>): Promise<Status> {
  assertOwnLists('trust pin', places)
  const { name, undo, json } = options
  const wanted = numberOption('NUMBER', options.number)
  if (undo && wanted !== undefined) throw new UsageError('--undo takes no version')
  const mode = undo ? 'ask' : 'pinned'
  assertMadeHere(places, `set updates = "${mode}" for ${printable(name, 60)}`)
  const list = chosenList(await policyHere(places), name)
  if ('problem' in list.book)
    throw new UsageError(`${name} is not in force here; next: nixsig trust update ${name}`)
  const version = list.book.version
  if (wanted !== undefined && wanted !== version)
    await takeVersion(list, wanted, { options, places, terminal })
  const status = await setUpdates(name, mode, terminal)
  // An update may have run meanwhile.
  const after = (await policyHere(places)).lists.get(name)?.book
  const reached = after === undefined || 'problem' in after ? version : after.version
  if (json) terminal.print(jsonLine({ list: name, version: reached, mode }))
  else if (undo) terminal.print(`${name} is followed again: nixsig trust update ${name} asks`)
  else terminal.print(`${name} is pinned to version ${reached}`)
  return status
}

interface Taking {
  readonly options: Options
  readonly places: ListPlaces
  readonly terminal: Terminal
}

/** Throws UsageError unless the newest version is the one that was meant, and it was taken. */
async function takeVersion(
  { name, updates, book }: ListInForce,
  wanted: number,
  { options, places, terminal }: Taking,
): Promise<void> {
  if (!('problem' in book) && wanted < book.version)
    throw new UsageError(
      `${name} is at version ${book.version}: nothing goes back to version ${wanted}; next: nixsig trust pin ${name} keeps version ${book.version}`,
    )
  const { updateList } = await import('../../lists/subscribe/update.ts')
  const directory = listPlace(places.state, name)
  const source = await sourceAt(updates.url)
  let newest: number | undefined
  const done = await inTurnOnly(places, name, () =>
    updateList({
      name,
      directory,
      source,
      ...updates,
      mode: 'ask',
      now: now(),
      agree: async ({ difference }) => {
        newest = difference.to
        if (newest !== wanted) return false
        if (!options.json) sayDifference(terminal, difference)
        return options.yes || (!options.json && (await askToAgree(`take this from ${name}?`)))
      },
    }),
  )
  // Whatever becomes of it, its revocations may have been taken.
  const { announcePolicy } = await import('../../setup/announce-policy.ts')
  const { machinePlaces } = await import('../../setup/places.ts')
  saySettled(await announcePolicy(machinePlaces()), terminal)
  if (done.kind === 'failed')
    throw new FileError(withNextStep(`${name}: ${done.problem}`, tryLater('the same command again')))
  const reached = done.kind === 'newest' ? done.version : (newest ?? done.difference.to)
  if (reached !== wanted)
    throw new UsageError(
      `version ${wanted} of ${name} is not to be had: the newest is version ${reached}; next: nixsig trust pin ${name}, for the one in force, or ${name} ${reached}`,
    )
  if (done.kind === 'waits')
    throw new UsageError(
      `nothing was pinned: nobody agreed to that version; next: nixsig trust pin ${name} ${wanted} --yes takes it`,
    )
}

async function setUpdates(name: string, mode: ListUpdates['mode'], terminal: Terminal): Promise<Status> {
  const [{ changePolicy }, { withUpdates }, { machinePlaces }] = await Promise.all([
    import('../../setup/change-policy.ts'),
    import('../../setup/lists-in-policy.ts'),
    import('../../setup/places.ts'),
  ])
  const places = machinePlaces()
  const settled = await changePolicy(places, {
    text: ({ toml }) => {
      const text = withUpdates(toml, name, mode)
      if (text !== undefined) return text
      throw new FileError(
        `${printable(places.policy)} has no table [lists.${name}] of its own; next: set updates = "${mode}" there by hand`,
      )
    },
    problem: (_, after) =>
      after.lists.get(name)?.updates.mode === mode ? undefined : `the list would not be ${mode}`,
  })
  return saySettled(settled, terminal)
}
