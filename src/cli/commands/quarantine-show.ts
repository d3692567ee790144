import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { entryDirectory, hasContent, listEntries, readEntry } from '../../quarantine/entries.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { entryLine, entryLines } from '../quarantine-words.ts'
import type { Status } from '../status.ts'

/** `nixsig quarantine list`: a line an entry, oldest first. */
export const quarantineList: AddCommand = yargs =>
  yargs.command('list', 'List what lies in quarantine, oldest first', command => command, runs(listAll))

/** `nixsig quarantine show ID`: one entry with the reason why it was refused. */
export const quarantineShow: AddCommand = yargs =>
  yargs.command(
    'show <id>',
    'Tell why an output was refused, and where it is kept',
    command =>
      command.positional('id', { type: 'string', demandOption: true, describe: 'As list prints it' }),
    runs(showOne),
  )

async function listAll(_args: object, { places, terminal }: Invocation): Promise<Status> {
  const ids = listEntries(places.state)
  for (const id of ids) terminal.print(entryLine(id, readEntry(places.state, id)))
  if (ids.length === 0) terminal.note('nothing is in quarantine')
  return 0
}

async function showOne({ id }: { id: string }, { places, terminal }: Invocation): Promise<Status> {
  const { state } = places
  const content = join(entryDirectory(state, id), 'content')
  const entry = readEntry(state, id)
  if (entry === undefined) throw new FileError(`there is no quarantine entry ${id}`)
  terminal.print(entryLines(id, entry, hasContent(state, id) ? content : undefined).join('\n'))
  return 0
}
