import { writeSync } from 'node:fs'
import { asciiText } from '../src/primitives/ascii-text.ts'
import { TRY_AGAIN } from '../src/primitives/next-step.ts'

/**
 * Writes to standard error: the daemon's journal, or the terminal of a Nix without a daemon. Each
 * line starts with our name. All is printable ASCII, as what the thin hooks write is.
 */
export function say(text: string): void {
  const lines = asciiText(text)
    .split('\n')
    .map(line => `nixsig: ${line}\n`)
  try {
    writeSync(2, lines.join(''))
  } catch {
    // Nobody listens; the exit status still counts.
    return
  }
}

/**
 * Tells that nothing could be decided, so that it is refused, and what whoever reads that can do.
 */
export function sayRefused(what: string): void {
  say(`refused${what}; ${TRY_AGAIN}`)
}
