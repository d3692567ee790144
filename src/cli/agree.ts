import { createInterface } from 'node:readline'
import { UsageError } from './usage-error.ts'

/**
 * Asks on the terminal; anything but `y` or `yes` means no. Throws UsageError where there is no terminal: nobody can have
 * seen what would be done.
 */
export function askToAgree(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(
      'nothing was done: there is no terminal to ask at. Look at it with --dry-run, then add --yes',
    )
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  return new Promise(resolve => {
    lines.once('close', () => resolve(false))
    lines.question(`${question} [y/N] `, answer => {
      resolve(/^y(?:es)?$/i.test(answer.trim()))
      lines.close()
    })
  })
}
