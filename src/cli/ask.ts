/** Questions on the terminal. */
import { createInterface } from 'node:readline/promises'
import { endProgress } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/**
 * Asks whether to go on; anything but `y` or `yes` means no. Throws UsageError where there is no
 * terminal: nobody can have seen what would be done.
 */
export async function askToAgree(question: string): Promise<boolean> {
  if (!hasTerminal()) {
    throw new UsageError(
      'nothing was done: there is no terminal to ask at. Look at it with --dry-run, then add --yes',
    )
  }
  return (await ask(question)) ?? false
}

function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Undefined where somebody goes away rather than answer. */
async function ask(question: string): Promise<boolean | undefined> {
  endProgress()
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new Promise<undefined>(resolve => lines.once('close', () => resolve(undefined)))
  const answer = lines.question(`${question} [y/N] `).catch(() => undefined)
  try {
    const text = await Promise.race([answer, gone])
    return text === undefined ? undefined : /^y(?:es)?$/i.test(text.trim())
  } finally {
    lines.close()
  }
}
