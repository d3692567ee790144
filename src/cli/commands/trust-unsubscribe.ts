/** `nixsig trust unsubscribe NAME`: a list is asked no more. */
import { existsSync } from 'node:fs'
import { jsonLine } from '../../explain/verdict-json.ts'
import { FileError } from '../../files/regular-file.ts'
import { LIST_NAME } from '../../formats/lists/names.ts'
import { listPlace } from '../../lists/subscribe/places.ts'
import { printable } from '../../primitives/printable.ts'
import { askToAgree } from '../ask.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { assertMadeHere, assertOwnLists, inTurnOnly, LIST_NAME_ARGUMENT, policyHere } from '../trust-lists.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly name: string
  readonly forget: boolean
  readonly yes: boolean
  readonly json: boolean
}

/** Refuses while the policy names somebody of the list. */
export const trustUnsubscribe = command({
  arguments: { name: LIST_NAME_ARGUMENT },
  options: {
    forget: {
      kind: 'flag',
      text: 'Also forget what was seen of it: whoever publishes it could then show an old state',
    },
    yes: { kind: 'flag', text: 'Do not ask' },
    json: JSON_OPTION,
  },
  examples: [['trust unsubscribe debian', 'Nobody of it counts any more']],
  epilogue: `While the policy names somebody of the list nothing is done, and the lines are told. Its first root and the
versions that were seen stay, so that it cannot go back when it is subscribed to again.`,
  reads: ['policy', 'state'],
  run: unsubscribe,
})

async function unsubscribe(
  { name, forget, yes, json }: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  assertOwnLists('trust unsubscribe', places)
  if (!LIST_NAME.test(name)) throw new UsageError(`${printable(name, 60)} is not the name of a list`)
  if (json && !yes) throw new UsageError('--json asks nothing: add --yes')
  const policy = await policyHere(places)
  const isListed = policy.lists.has(name)
  const directory = listPlace(places.state, name)
  // It may have been interrupted before, or the policy was changed by hand.
  if (!isListed && !existsSync(directory))
    throw new UsageError(`the policy has no list ${name}, and nothing is kept of it; next: nixsig trust list`)
  if (isListed) {
    assertMadeHere(places, `take the list ${name} out`)
    await assertUnused(name)
  }
  if (!json && policy.lists.size === 1 && isListed)
    terminal.print('it is the last list: its-developers then means your own [developers] alone')
  if (!yes && !(await askToAgree(`unsubscribe from ${name}?`))) {
    terminal.note('nixsig: nothing was changed')
    return 0
  }
  const { endSubscription, forgetList } = await import('../../lists/subscribe/end.ts')
  const done = await inTurnOnly(places, name, async () => {
    const status = isListed ? await removeTable(name, terminal) : 0
    if (forget) forgetList(places.state, name)
    else endSubscription(directory)
    return status
  })
  if (json) terminal.print(jsonLine({ list: name, unsubscribed: isListed, forgotten: forget }))
  else
    terminal.print(
      `${terminal.good('unsubscribed')} from ${name}${forget ? '; everything that was seen of it is forgotten' : ''}`,
    )
  return done
}

/** Throws UsageError, with the lines, if the policy names somebody of the list. */
async function assertUnused(name: string): Promise<void> {
  const [{ sourceOf }, { linesNaming }, { machinePlaces }] = await Promise.all([
    import('../../setup/machine-policy.ts'),
    import('../../setup/lists-in-policy.ts'),
    import('../../setup/places.ts'),
  ])
  const places = machinePlaces()
  const used = linesNaming(sourceOf(places).toml, name)
  if (used.length === 0) return
  const lines = used.map(({ line, text }) => `  line ${line}: ${printable(text, 200)}`)
  throw new UsageError(
    `${printable(places.policy)} names people of ${name}, so nothing was done:\n${lines.slice(0, 20).join('\n')}\nnext: take them out, then the same command again`,
  )
}

async function removeTable(name: string, terminal: Terminal): Promise<Status> {
  const [{ changePolicy }, { withoutList }, { machinePlaces }] = await Promise.all([
    import('../../setup/change-policy.ts'),
    import('../../setup/lists-in-policy.ts'),
    import('../../setup/places.ts'),
  ])
  const places = machinePlaces()
  const settled = await changePolicy(places, {
    text: ({ toml }) => {
      const text = withoutList(toml, name)
      if (text !== undefined) return text
      throw new FileError(
        `${printable(places.policy)} has no table [lists.${name}] of its own; next: take the list out by hand`,
      )
    },
    problem: (before, after) =>
      !after.lists.has(name) && after.lists.size === before.lists.size - 1
        ? undefined
        : 'more than this list would go',
  })
  return saySettled(settled, terminal)
}
