/**
 * Brings a mirror up to date. Each update holds the mirror's lock, and first checks what others did
 * while it waited for the lock.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { withLock } from '../../files/lock.ts'
import { readRegularFile } from '../../files/regular-file.ts'
import type { Patience } from '../../http/patience.ts'
import { SourceError } from '../../http/source-error.ts'
import { isCurrent, type Mirror, type MirroredIndex, readIndex } from './mirror.ts'
import { bringFiles, bringLists, ChangedError, type Changes, type Wanted } from './update-files.ts'
import { askForIndex } from './update-index.ts'

const FAILURE_LIMIT = 4096

/**
 * Asks a source for its index, unless it was asked at `since` (seconds since 1970) or later.
 * Creates the mirror if it is missing. Throws SourceError, FileError and what writing throws.
 */
export async function updateIndex(mirror: Mirror, since: number, patience: Patience): Promise<void> {
  const started = Date.now()
  await locked(mirror, async () => {
    if (isCurrent(mirror, since)) return
    // If another process failed while this one waited for the lock, this one fails too. Otherwise
    // the waiting times for an unreachable server would add up.
    const failure = failureSince(mirror, started)
    if (failure !== undefined) throw failure
    try {
      await askForIndex(mirror, patience)
    } catch (error) {
      if (error instanceof SourceError) rememberFailure(mirror, error)
      throw error
    }
  })
}

/**
 * Brings files up to date with the source's index. If they differ from what the index lists, asks
 * for the index once more and tries again. Throws like updateIndex.
 */
export function updateFiles(mirror: Mirror, wanted: Wanted, patience: Patience): Promise<Changes> {
  return byIndex(mirror, patience, index => bringFiles(mirror, index, wanted, patience))
}

/** Brings the lists of all parts up to date, as updateFiles brings files. Throws like updateIndex. */
export function updateLists(mirror: Mirror, patience: Patience): Promise<void> {
  return byIndex(mirror, patience, index => bringLists(mirror, index, patience))
}

function byIndex<T>(
  mirror: Mirror,
  patience: Patience,
  bring: (index: MirroredIndex) => Promise<T>,
): Promise<T> {
  return locked(mirror, async () => {
    const index = readIndex(mirror)
    try {
      return await bring(index ?? (await askForIndex(mirror, patience)))
    } catch (error) {
      if (!(error instanceof ChangedError)) throw error
      return bring(await askForIndex(mirror, patience))
    }
  })
}

function locked<T>({ directory }: Mirror, action: () => Promise<T>): Promise<T> {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  return withLock(`${directory}.lock`, action)
}

function failureSince(mirror: Mirror, started: number): SourceError | undefined {
  const { time = 0, message } = failureIn(mirror) ?? {}
  if (message === undefined || time <= started || time > Date.now()) return undefined
  return new SourceError(message, { isPassing: false })
}

/** The last time that a source did not give its index: seconds since 1970, and why, escaped. */
export function lastFailure(mirror: Mirror): { readonly at: number; readonly detail: string } | undefined {
  const failure = failureIn(mirror)
  return failure && { at: Math.floor(failure.time / 1000), detail: failure.message }
}

function failureIn({ directory }: Mirror): { readonly time: number; readonly message: string } | undefined {
  const text = readRegularFile(join(directory, 'failure'), FAILURE_LIMIT)?.toString('utf8') ?? ''
  const [, time, message] = /^(\d{1,15}) ([^\n]*)\n$/.exec(text) ?? []
  return message === undefined ? undefined : { time: Number(time), message }
}

function rememberFailure({ directory }: Mirror, { message }: SourceError): void {
  writeDurably(join(directory, 'failure'), `${Date.now()} ${message}\n`, { flush: false, mode: 0o644 })
}
