import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import {
  entryDirectory,
  listEntries,
  listUnfinished,
  quarantineDirectory,
  readEntry,
  removeEntry,
} from '../../quarantine/entries.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

const DAY = 24 * 3600

interface Options {
  readonly ids: readonly string[]
  readonly 'older-than': string | undefined
}

/** `nixsig quarantine purge ID…` or `--older-than DAYS`: deletes entries with what they hold. */
export const quarantinePurge: AddCommand = yargs =>
  yargs.command(
    'purge [ids..]',
    'Delete entries with what they hold',
    command =>
      command
        .positional('ids', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'As list prints them',
        })
        .option('older-than', {
          type: 'string',
          requiresArg: true,
          describe: 'All that were refused so many days ago',
        })
        .example('$0 quarantine purge --older-than 30', ''),
    runs(purge),
  )

async function purge(options: Options, { places, terminal }: Invocation): Promise<Status> {
  const { state } = places
  const chosen = [...new Set([...options.ids, ...olderThan(state, options['older-than'])])]
  if (options.ids.length === 0 && options['older-than'] === undefined) {
    throw new UsageError('which entries? (their ids, or --older-than DAYS)')
  }
  if (chosen.length === 0) return 0
  const { withLock } = await import('../../files/lock.ts')
  return withLock<Status>(join(quarantineDirectory(state), 'lock'), async () => {
    const unfinished = listUnfinished(state)
    const known = listEntries(state)
    for (const id of chosen) {
      entryDirectory(state, id)
      if (!known.includes(id)) throw new FileError(`there is no quarantine entry ${id}`)
      if (unfinished.includes(id))
        throw new FileError(`${id} is still being moved: nixsig verify finishes it`)
    }
    for (const id of chosen) {
      removeEntry(state, id)
      terminal.print(`deleted ${id}`)
    }
    return 0
  })
}

function olderThan(state: string, days: string | undefined): readonly string[] {
  if (days === undefined) return []
  if (!/^\d{1,6}$/.test(days)) throw new UsageError('--older-than takes a number of days')
  const end = Math.floor(Date.now() / 1000) - Number(days) * DAY
  const unfinished = new Set(listUnfinished(state))
  return listEntries(state).filter(id => {
    const entry = readEntry(state, id)
    return entry !== undefined && entry.refused <= end && !unfinished.has(id)
  })
}
