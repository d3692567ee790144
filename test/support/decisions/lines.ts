// A decision log of a test's own, in a state directory of its own.
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Appended, appendLine } from '../../../src/decisions/append.ts'
import { type Decision, printDecision } from '../../../src/decisions/line.ts'

/** Makes a state directory: a log has thousands of files, so in memory, where there is a place for it. */
export function makeState(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nixsig-decisions-'))
}

/** Appends a line, which is not flushed. */
export function appendDecision(state: string, decision: Decision): Appended {
  return appendLine(state, place => printDecision(place, decision), { isDurable: false })
}

/** Appends so many lines, each about another path. */
export function appendDecisions(state: string, count: number, decision: Omit<Decision, 'path'>): void {
  for (let left = count; left > 0; left--) appendDecision(state, { ...decision, path: `/nix/store/${left}` })
}
