/** What was wrong with the NARs that upstreams sent, and which of them are asked last because of it. */
import { NoTurn } from '../http/program-turns.ts'
import { asSourceError } from '../http/source-error.ts'
import type { Log } from './log.ts'
import type { NarFile } from './nar-ticket.ts'

/** Milliseconds for which a file that failed comes last, and the most files that are remembered. */
const REMEMBERED = 600_000
const COUNT_LIMIT = 4096

/**
 * Why a file of an upstream is of no use. `absent`: it says that it has no such file; `late`: it
 * sends too slowly; `crowded`: it was not asked, or not read, for want of a turn here. The message
 * is escaped.
 */
export class NarFault extends Error {
  override readonly name = 'NarFault'
  readonly kind: 'absent' | 'late' | 'failed' | 'crowded'

  constructor(kind: NarFault['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** A fault, whatever was thrown. */
export function asNarFault(error: unknown): NarFault {
  if (error instanceof NarFault) return error
  if (error instanceof NoTurn) return new NarFault('crowded', `was not asked: ${error.message}`)
  // Errors of these kinds are escaped already; others come from streams of Node.
  const isEscaped = ['FileError', 'FormatError', 'DecompressionError'].includes((error as Error).name)
  return new NarFault('failed', isEscaped ? (error as Error).message : asSourceError(error).message)
}

export interface NarFaults {
  /** These files, with those that failed lately at the end. */
  sort(files: readonly NarFile[]): readonly NarFile[]
  /**
   * Remembers that a file failed, unless only a turn was missing. The first time, and if it fails
   * differently, that is logged.
   */
  note(file: NarFile, fault: NarFault): void
  /** Forgets what was wrong with a file. */
  clear(file: NarFile): void
}

export function openNarFaults(log: Log, now: () => number = () => performance.now()): NarFaults {
  const known = new Map<string, { readonly until: number; readonly kind: NarFault['kind'] }>()
  const keyOf = ({ upstream, file }: NarFile) => `${upstream} ${file}`
  const remembered = (file: NarFile) => {
    const found = known.get(keyOf(file))
    return found !== undefined && now() < found.until ? found : undefined
  }
  return {
    sort(files) {
      const failed = files.filter(file => remembered(file) !== undefined)
      return [...files.filter(file => !failed.includes(file)), ...failed]
    },
    note(file, { kind, message }) {
      if (kind === 'crowded') return
      const before = remembered(file)
      known.delete(keyOf(file))
      known.set(keyOf(file), { until: now() + REMEMBERED, kind })
      for (const oldest of known.keys()) {
        if (known.size <= COUNT_LIMIT) break
        known.delete(oldest)
      }
      if (before?.kind === kind) return
      log('warning', 'no NAR from an upstream', { upstream: file.upstream, file: file.file, why: message })
    },
    clear: file => void known.delete(keyOf(file)),
  }
}
