/**
 * When each upstream answered last, and what its last failure was: a file for each under
 * `<state>/upstreams/`, see docs/ledger.md. For people: nothing is decided by it.
 *
 *     nixsig1 <address>
 *     answered <seconds since 1970, or never>
 *     failed <seconds since 1970> <what failed>, or failed never
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile, wholeRecord } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import type { Said } from './upstream.ts'

const RECORD_LIMIT = 4096
const DETAIL_LIMIT = 300
/** Seconds after which the same news is written again. */
const OFTEN = 60

/** Instants in seconds since 1970. */
export interface LastAnswer {
  readonly answered: number | undefined
  /** `detail` is escaped. */
  readonly failed: { readonly at: number; readonly detail: string } | undefined
}

/** What is known of an upstream; undefined if it was never asked, or the record is malformed. */
export function readLastAnswer(state: string, url: string): LastAnswer | undefined {
  try {
    const text = wholeRecord(readOwnedFile(fileOf(state, url), RECORD_LIMIT))
    const [, named, answered, at, detail = ''] =
      /^nixsig1 (.*)\nanswered (\d{1,15}|never)\nfailed (?:never|(\d{1,15}) ([^\p{Cc}]*))\n$/u.exec(
        text ?? '',
      ) ?? []
    if (named !== printable(url)) return undefined
    return {
      answered: answered === 'never' ? undefined : Number(answered),
      failed: at === undefined ? undefined : { at: Number(at), detail },
    }
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

/**
 * Keeps the records of what upstreams say, each written at most once a minute unless it changes.
 * What cannot be written is not kept.
 */
export function keepLastAnswers(state: string, clock = () => Math.floor(Date.now() / 1000)) {
  const written = new Map<string, { readonly at: number; readonly isFailure: boolean }>()
  return (url: string, said: Said): void => {
    const now = clock()
    const isFailure = said.kind === 'silent'
    const last = written.get(url)
    const isOld = last === undefined || now < last.at || now - last.at >= OFTEN
    if (!isOld && last.isFailure === isFailure) return
    const before = readLastAnswer(state, url)
    const next: LastAnswer = isFailure
      ? { answered: before?.answered, failed: { at: now, detail: printable(said.detail, DETAIL_LIMIT) } }
      : { answered: now, failed: before?.failed }
    written.set(url, { at: now, isFailure })
    try {
      writeDurably(fileOf(state, url), textOf(url, next), { flush: false, mode: 0o644 })
    } catch {
      // A full disk keeps no cache from being asked.
    }
  }
}

function textOf(url: string, { answered, failed }: LastAnswer): string {
  const failure = failed === undefined ? 'never' : `${failed.at} ${failed.detail}`
  return `nixsig1 ${printable(url)}\nanswered ${answered ?? 'never'}\nfailed ${failure}\n`
}

function fileOf(state: string, url: string): string {
  return join(state, 'upstreams', createHash('sha256').update(url).digest('hex').slice(0, 32))
}
