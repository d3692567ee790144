/** What one run of adopting shares, and what it finds out. */
import type { Upstream } from '../evidence/upstreams/upstream.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Refusal } from '../policy/verdict.ts'
import type { Store } from '../store/store-client.ts'
import { asCommand } from '../verifier/command-decisions.ts'
import { type Inquiry, openInquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'
import type { Attempts } from './attempts.ts'
import type { Cause } from './cause.ts'

/** What became of a path. */
export type Outcome =
  /** The ledger had it already, under the policy in force. */
  | { readonly kind: 'admitted' }
  /** Signatures, attestations or this machine vouch for it. */
  | { readonly kind: 'vouched'; readonly by: string }
  | { readonly kind: 'rebuilt'; readonly derivation: string; readonly seconds: number }
  /** Only if nothing is changed: it would be built again. `seconds`: as long as it took before. */
  | {
      readonly kind: 'to-rebuild'
      readonly derivation: string
      readonly seconds: number | undefined
      /** How many paths have to be fetched or built first. */
      readonly absent: number
    }
  | { readonly kind: 'left'; readonly causes: readonly Cause[] }

/** A path that was decided. */
export interface Decided {
  readonly path: string
  readonly kind: SubjectKind
  /** Whether it belongs to the closure itself; otherwise something in it is built from it. */
  readonly isMember: boolean
  readonly outcome: Outcome
}

export interface RunOptions {
  readonly places: Places
  /** Changes nothing: what would have to be done is found out. */
  readonly dry: boolean
  /** Milliseconds for each build. */
  readonly timeout: number
  /** Binary caches that are asked for signatures. */
  readonly upstreams: readonly Upstream[]
  readonly attempts: Attempts
  /** Store paths of the closure. */
  readonly members: ReadonlySet<string>
  readonly onDecided: (decided: Decided) => void
  /** What is being done, in one line, escaped; a build is worth a line of its own. */
  readonly onWork: (text: string, seconds: number | undefined) => void
  /** Something that goes on all the same, escaped; each is told once. */
  readonly onWarning: (text: string) => void
}

export interface Run extends RunOptions {
  readonly outcomes: Map<string, Outcome>
  readonly underWay: Set<string>
  /** Paths whose bytes were hashed, and what was found wrong with them. */
  readonly hashed: Map<string, Refusal | undefined>
  /** Upstreams by how often in a row they have not answered. */
  readonly silences: Map<Upstream, number>
  /** Keeps paths from being collected as garbage while the run lasts. */
  readonly keeper: Store
  /**
   * An inquiry that has seen nothing yet: what was adopted since, and what hooks recorded, changes
   * its answers.
   */
  ask(): Inquiry
  /** The store has changed: a connection may remember what it answered before. */
  refresh(): void
  close(): void
}

/** So long an inquiry's policy and clock are used; milliseconds. */
const FRESH_MS = 30_000

/** Opens a run. Throws FileError as openInquiry does. */
export function openRun(options: RunOptions, keeper: Store): Run {
  const warned = new Set<string>()
  const warn = (text: string) => {
    if (!warned.has(text)) options.onWarning(text)
    warned.add(text)
  }
  const open = () => ({
    inquiry: asCommand(
      openInquiry(options.places, { records: !options.dry, notesConflicts: !options.dry }),
      warn,
    ),
    since: Date.now(),
  })
  let current = open()
  const refresh = () => {
    current.inquiry.close()
    current = open()
  }
  return {
    ...options,
    keeper,
    outcomes: new Map(),
    underWay: new Set(),
    hashed: new Map(),
    silences: new Map(),
    ask() {
      // Where nothing is recorded no answer changes.
      if (options.dry) return current.inquiry
      if (Date.now() - current.since > FRESH_MS) refresh()
      return { ...current.inquiry, answers: new Map() }
    },
    refresh,
    close: () => current.inquiry.close(),
  }
}

/** An outcome that leaves the path as it is. */
export function left(causes: readonly Cause[]): Outcome {
  return { kind: 'left', causes }
}
