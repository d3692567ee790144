/**
 * A line of the decision log: one JSON object, printable ASCII, its fields in one order and without
 * spaces between them. docs/decision-log.md has the format for others; nix/plugin writes the same.
 */

/** The most bytes of a line, without a line break. */
export const LINE_LIMIT = 4096

/** How many lines make a segment. */
export const SEGMENT_LINES = 1024

/** The most bytes of a segment, in which each line has a line break. */
export const SEGMENT_LIMIT = SEGMENT_LINES * (LINE_LIMIT + 1)

/** What the first line names as the digest of the line before it. */
export const NO_LINE = '0'.repeat(64)

/** Where something is let in or refused. */
export type Door = (typeof DOORS)[number]

/** All doors. */
export const DOORS = ['before-build', 'after-build', 'gate', 'plugin', 'command'] as const

/** What a door decided about one path. All text may be raw; printLine escapes and cuts it. */
export interface Decision {
  readonly door: Door
  /** Who asked: `root`, `user 1000`, an address, or `unknown`. At most 64 characters. */
  readonly asker: string
  /** A store path, or what stands for one: at most 255 characters. */
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex; undefined if it is not known yet. */
  readonly narHash?: string | undefined
  readonly outcome: 'trusted' | 'untrusted' | 'indeterminate'
  /** What happened: a refusal in warn mode is let in. */
  readonly letIn: boolean
  /** The kind of ground, the title of a rule, or `ledger`: at most 256 characters. */
  readonly ground: string
  /** SHA-256 digests of the evidence that counted, lower-case hex; at most 16 are kept. */
  readonly evidence?: readonly string[]
  /** The digest of the policy; undefined if there was none that could be read. */
  readonly policy?: string | undefined
  readonly mode?: 'enforce' | 'warn' | undefined
  /** The refusal in one sentence: at most 512 characters. */
  readonly message?: string | undefined
  /** How often this was decided since the line about it before; 1 by default. */
  readonly times?: number
}

/** What was over an asker's budget and has no line of its own. */
export interface LeftOut {
  readonly door: Door
  readonly asker: string
  readonly leftOut: number
}

/** The first line of a log. */
export interface Beginning {
  /** 32 hex digits, at random: two logs never have the same. */
  readonly log: string
  /** The identity of the machine's key, if it had one then. */
  readonly machine: string | undefined
}

/** Where a line stands. */
export interface Place {
  /** Counted from 0. */
  readonly number: number
  /** SHA-256 of the bytes of the line before, lower-case hex. */
  readonly previous: string
  /** Milliseconds since 1970. */
  readonly time: number
}

/** The ground of what the ledger alone let in: such a line may be lost in a loss of power. */
export const LEDGER = 'ledger'

const EVIDENCE_LIMIT = 16
const LIMITS = { asker: 64, path: 255, ground: 256, message: 512 } as const

/** The first line, without a line break. */
export function printBeginning({ number, previous, time }: Place, { log, machine }: Beginning): string {
  return JSON.stringify({ number, previous, time, log, machine: machine ?? null })
}

/** The line of a decision, without a line break: at most LINE_LIMIT bytes. */
export function printDecision({ number, previous, time }: Place, decision: Decision): string {
  const { door, outcome, letIn, evidence = [], message, times = 1 } = decision
  return JSON.stringify({
    number,
    previous,
    time,
    door,
    asker: cut(decision.asker, LIMITS.asker),
    path: cut(decision.path, LIMITS.path),
    nar_hash: decision.narHash ?? null,
    outcome,
    let_in: letIn,
    ground: cut(decision.ground, LIMITS.ground),
    evidence: evidence.slice(0, EVIDENCE_LIMIT),
    policy: decision.policy ?? null,
    mode: decision.mode ?? null,
    message: message === undefined ? null : cut(message, LIMITS.message),
    ...(times > 1 ? { times } : {}),
  })
}

/** The line about what was left out, without a line break. */
export function printLeftOut({ number, previous, time }: Place, { door, asker, leftOut }: LeftOut): string {
  return JSON.stringify({ number, previous, time, door, asker: cut(asker, LIMITS.asker), left_out: leftOut })
}

/** In printable ASCII: JSON then escapes `"` and `\` alone. */
function cut(text: string, limit: number): string {
  const ascii = text
    .slice(0, limit)
    .replace(/[^ -~]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
  return ascii.slice(0, limit)
}
