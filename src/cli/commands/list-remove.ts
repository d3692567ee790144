import { readDocument, writeDocument } from '../../lists/keep/draft.ts'
import { removeEntry } from '../../lists/keep/edit.ts'
import { removeTeam } from '../../lists/keep/teams.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { editing, LIST_ARGUMENT, listDirectory, nextSign, TEAM_OPTION } from '../list-arguments.ts'
import { kindOf } from './list-add.ts'

interface Options {
  readonly directory: string
  readonly kind: string
  readonly name: string
  readonly team: string | undefined
}

const FIELDS = { principal: 'principals', group: 'groups', developers: 'developers', team: 'teams' } as const

/** `nixsig list remove DIRECTORY KIND NAME` */
export const listRemove = command({
  arguments: {
    directory: LIST_ARGUMENT,
    kind: { count: 'one', text: 'principal, group, developers or team' },
    name: { count: 'one', text: 'Its name in the list' },
  },
  options: { team: TEAM_OPTION },
  examples: [['list remove list developers libmd', 'Nobody in the list signs these sources any more']],
  epilogue:
    'What is removed counts no more, and nothing is said about it. To say that a key is in wrong hands, revoke it.',
  run: remove,
})

async function remove(
  { directory: argument, kind: word, name, team }: Options,
  { terminal }: Invocation,
): Promise<Status> {
  const directory = listDirectory(argument)
  const kind = kindOf(word)
  const document = readDocument(directory, team)
  editing(() => {
    if (kind === 'team' && team === undefined) removeTeam(directory, name)
    else writeDocument(directory, team, removeEntry(document, FIELDS[kind], name))
  })
  terminal.print(`${terminal.good('removed')} ${kind} ${printable(name)}; next: ${nextSign(argument)}`)
  return 0
}
