/**
 * A respite: for a limited time untrusted paths are reported but allowed, although the policy
 * enforces. Root gives it in an emergency, and it ends by itself. Kept in `<state>/respite`:
 *
 *     nixsig1 respite
 *     since <seconds since 1970>
 *     until <seconds since 1970>
 *     reason <one line of printable ASCII, or nothing>
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { RESPITED, WARNED } from './admission.ts'

const FILE_LIMIT = 1024
const REASON_LIMIT = 200

/** A week, in seconds. Whoever needs more than that should change the policy. */
export const LONGEST_RESPITE = 7 * 24 * 3600

/** When a respite begins and ends, and why it was given. */
export interface Respite {
  /** Setting the clock back to before this instant also ends the respite. */
  readonly since: Instant
  readonly until: Instant
  /** The reason in the words of whoever gave it; may be empty. */
  readonly reason: string
}

/** Returns the file in which a respite is kept. */
export function respiteFile(state: string): string {
  return join(state, 'respite')
}

/**
 * Reads the last respite that was given, in force or not; undefined if there is none. Throws
 * FileError if the file is malformed.
 */
export function readRespite(state: string): Respite | undefined {
  const file = respiteFile(state)
  const text = readOwnedFile(file, FILE_LIMIT)?.toString('latin1')
  if (text === undefined) return undefined
  const [, since, until, reason] =
    /^nixsig1 respite\nsince (\d{1,15})\nuntil (\d{1,15})\nreason ([\x20-\x7e]{0,200})\n$/.exec(text) ?? []
  const respite = { since: Number(since), until: Number(until), reason: reason ?? '' }
  if (reason === undefined || respite.until - respite.since > LONGEST_RESPITE) {
    throw new FileError(`${printable(file)} is no record of a respite (nixsig enforce takes it away)`)
  }
  return respite
}

/**
 * Returns the respite in force at an instant; undefined if there is none. A respite that cannot be
 * read does not count, so that damage never lets anything pass.
 */
export function respiteAt(state: string, now: Instant): Respite | undefined {
  try {
    const respite = readRespite(state)
    return respite !== undefined && respite.since <= now && now < respite.until ? respite : undefined
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

/** Returns the policy to apply: during a respite it is in warn mode. */
export function underRespite<T extends Pick<Policy, 'mode'>>(policy: T, state: string, now: Instant): T {
  if (policy.mode === 'warn' || respiteAt(state, now) === undefined) return policy
  return { ...policy, mode: 'warn' }
}

/** The rule of entries about what is let in at an instant although it is refused: see isLetIn. */
export function ruleOfLetIn(state: string, now: Instant): string {
  return respiteAt(state, now) === undefined ? WARNED : RESPITED
}

/**
 * Gives a respite, replacing any other. Characters of the reason that a line cannot hold become
 * `?`.
 */
export function giveRespite(state: string, { since, until, reason }: Respite): void {
  const line = reason.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_LIMIT)
  const text = `nixsig1 respite\nsince ${since}\nuntil ${until}\nreason ${line}\n`
  writeDurably(respiteFile(state), text, { flush: true, mode: 0o644 })
}

/** Ends the respite, if there is one. */
export function endRespite(state: string): void {
  rmSync(respiteFile(state), { force: true })
}
