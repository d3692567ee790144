/**
 * What building again came to, where it did not help, so that a run that goes on need not find out
 * once more: one file for each path under `adopt/`, see docs/ledger.md. Nothing is trusted for it.
 *
 *     nixsig1 <output path> sha256:<NAR hash> <derivation path> <run>
 *     outcome <differs | failed>
 *     why <one line>
 *
 * `adopt/run` has the number of the run that is under way, or was interrupted.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, wholeRecord } from '../files/owned-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'

const RECORD_LIMIT = 4096
const WHY_LIMIT = 600

/** The output that is built again, by which derivation. NAR hash in hex, as registered. */
export interface Tried {
  readonly path: string
  readonly narHash: string
  readonly derivation: string
}

export interface Attempt {
  readonly outcome: 'differs' | 'failed'
  /** Escaped. */
  readonly why: string
}

/** The attempts of this run, and of the one that it continues. */
export interface Attempts {
  /** Whether an earlier run was interrupted. */
  readonly isResumed: boolean
  /**
   * What is known: that it came out differently, or that building failed in this run. A failure of
   * an earlier run says nothing, since what was missing may be there now.
   */
  known(tried: Tried): Attempt | undefined
  note(tried: Tried, attempt: Attempt): void
  /** The path was adopted. */
  forget(path: string): void
  /** The run came to its end. */
  end(): void
}

/** `again`: nothing is known of earlier attempts. Throws FileError. */
export function openAttempts(state: string, { again }: { readonly again: boolean }): Attempts {
  const directory = join(state, 'adopt')
  const runFile = join(directory, 'run')
  const before = again ? undefined : textIn(runFile)?.trim()
  const isResumed = before !== undefined && /^[0-9a-f]{16}$/.test(before)
  const run = isResumed ? before : toHex(randomBytes(8))
  if (!isResumed) writeDurably(runFile, `${run}\n`, { flush: true })
  const fileOf = (path: string) => join(directory, parseStorePath(path).digest)
  const mine = new Set<string>()
  return {
    isResumed,
    known(tried) {
      if (again && !mine.has(tried.path)) return undefined
      const [, said, by, outcome, why] =
        /^(nixsig1 .*) ([0-9a-f]{16})\noutcome (differs|failed)\nwhy (.*)\n$/.exec(
          textIn(fileOf(tried.path)) ?? '',
        ) ?? []
      if (said !== headOf(tried) || why === undefined) return undefined
      if (outcome === 'differs') return { outcome, why }
      return outcome === 'failed' && by === run ? { outcome, why } : undefined
    },
    note(tried, { outcome, why }) {
      mine.add(tried.path)
      const text = `${headOf(tried)} ${run}\noutcome ${outcome}\nwhy ${printable(why, WHY_LIMIT)}\n`
      writeDurably(fileOf(tried.path), text, { flush: true })
    },
    forget: path => removeFile(fileOf(path)),
    end: () => removeFile(runFile),
  }
}

/** For a run that changes nothing and remembers nothing. */
export const NO_ATTEMPTS: Attempts = {
  isResumed: false,
  known: () => undefined,
  note: () => {},
  forget: () => {},
  end: () => {},
}

function headOf({ path, narHash, derivation }: Tried): string {
  return `nixsig1 ${path} sha256:${narHash} ${derivation}`
}

function textIn(file: string): string | undefined {
  return wholeRecord(readOwnedFile(file, RECORD_LIMIT))
}
