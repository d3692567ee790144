/** `nixsig quarantine list|show|release|purge`: outputs that were refused after they were built. */
import { join } from 'node:path'
import { jsonLine } from '../../explain/verdict-json.ts'
import { FileError } from '../../files/regular-file.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { pathWord, when } from '../../policy/words.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import {
  entryDirectory,
  hasContent,
  listEntries,
  listUnfinished,
  quarantineDirectory,
  readEntry,
  removeEntry,
} from '../../quarantine/entries.ts'
import type { QuarantineEntry } from '../../quarantine/entry.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'

const DAY = 24 * 3600

const ID = { count: 'one', text: 'The entry, as "nixsig quarantine list" prints it' } as const

/** A line for each entry, oldest first. */
export const list = command({
  options: { json: { kind: 'flag', text: 'Print one JSON object a line for each entry' } },
  reads: ['state'],
  run: listAll,
})

/** One entry with the reason why it was refused. */
export const show = command({
  arguments: { id: ID },
  options: { json: { kind: 'flag', text: 'Print one JSON object' } },
  reads: ['state'],
  run: showOne,
})

/** Judged again, and back into the store only if trusted now. */
export const release = command({ arguments: { id: ID }, reads: EVERYWHERE, run: releaseOne })

interface PurgeOptions {
  readonly ids: readonly string[]
  readonly 'older-than': string | undefined
}

/** Deletes entries with what they hold. */
export const purge = command({
  arguments: {
    ids: { count: 'any number', text: 'Entries, as "nixsig quarantine list" prints them' },
  },
  options: {
    'older-than': {
      kind: 'value',
      value: 'DAYS',
      text: 'All entries that were refused at least this many days ago',
    },
  },
  examples: [['quarantine purge --older-than 30', '']],
  reads: ['state'],
  run: purgeEntries,
})

async function listAll(
  { json }: { json: boolean },
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
  const ids = listEntries(places.state)
  for (const id of ids) {
    const entry = readEntry(places.state, id)
    terminal.print(json ? jsonLine(entryJson(id, entry)) : entryLine(id, entry))
  }
  if (ids.length === 0) terminal.note('nothing is in quarantine')
  return 0
}

async function showOne(
  { id, json }: { id: string; json: boolean },
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
  const { state } = places
  const content = join(entryDirectory(state, id), 'content')
  const entry = readEntry(state, id)
  if (entry === undefined) throw noEntry(id)
  const kept = hasContent(state, id) ? content : undefined
  if (json)
    terminal.print(jsonLine({ ...entryJson(id, entry), references: entry.references, content: kept ?? null }))
  else terminal.print(entryLines(id, entry, kept).join('\n'))
  return 0
}

function noEntry(id: string): FileError {
  return new FileError(`there is no quarantine entry ${id}; next: nixsig quarantine list names them`)
}

/**
 * An entry as `--json` prints it: the fields of entry.json, with its id. `complete`: false for one
 * that was never written to the end, of which nothing else is known.
 */
function entryJson(id: string, entry: QuarantineEntry | undefined): object {
  if (entry === undefined) return { id, complete: false }
  const { references: _, ...fields } = entry
  return { id, complete: true, ...fields }
}

/** References that are printed; of others only the number. */
const SHOWN = 20

/** One entry in a line of a list. */
function entryLine(id: string, entry: QuarantineEntry | undefined): string {
  if (entry === undefined) return `${id}  was never completed: nixsig verify removes it`
  return `${id}  ${pathWord(entry.path)}  ${printable(entry.outcome)}`
}

/**
 * Everything about an entry. Its reason was escaped when it was written, and is escaped once more
 * line by line.
 */
function entryLines(id: string, entry: QuarantineEntry, content: string | undefined): readonly string[] {
  const { references } = entry
  const more = references.length > SHOWN ? [`and ${references.length - SHOWN} more`] : []
  return [
    `entry       ${id}`,
    `path        ${pathWord(entry.path)}`,
    `derivation  ${entry.derivation === entry.path ? 'not known' : pathWord(entry.derivation)}`,
    `NAR hash    sha256:${printable(entry.narHash)} (${entry.narSize} bytes)`,
    `refused     ${when(entry.refused)}, ${printable(entry.outcome)}`,
    `content     ${content === undefined ? 'gone' : printable(content)}`,
    ...references.slice(0, SHOWN).map(reference => `refers to   ${pathWord(reference)}`),
    ...more.map(line => `            ${line}`),
    'because:',
    ...entry.reason.split('\n').map(line => `  ${visible(line)}`),
  ]
}

/**
 * Escapes what a terminal could act on; the backslashes of escapes that are there already stay
 * single.
 */
function visible(line: string): string {
  return printable(line, 1000).replaceAll('\\\\', '\\')
}

async function releaseOne(
  { id }: { id: string },
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError(`only root can put anything into the store; next: call it ${BY_ROOT}`)
  const { releaseEntry } = await import('../../verifier/release-quarantined.ts')
  const { openInquiry } = await import('../../verifier/inquiry.ts')
  const { asCommand, refusedByCommand } = await import('../../verifier/command-decisions.ts')
  const { sayVerdict } = await import('../print-verdict.ts')
  const inquiry = asCommand(openInquiry(places, { records: true }), terminal.warn)
  try {
    const { path, refusals } = await releaseEntry(inquiry, id)
    await refusedByCommand(inquiry, refusals, terminal.warn)
    for (const refusal of refusals) sayVerdict(terminal, refusal)
    if (refusals.length === 0) terminal.print(`${terminal.good('released')} ${path}: it is trusted now`)
    else terminal.print(`${id} stays in quarantine`)
    return mostSevere(refusals.map(exitCode))
  } finally {
    inquiry.close()
  }
}

async function purgeEntries(
  options: PurgeOptions,
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
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
      if (!known.includes(id)) throw noEntry(id)
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
