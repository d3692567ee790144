import { journalPrefix } from '../files/journal.ts'
import { withNextStep } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import type { Status } from './exit-status.ts'
import { UnknownWordError, UsageError } from './usage-error.ts'

/** The status that no command comes to by itself: undecided. */
const UNFINISHED = 20

/**
 * Runs the program and leaves it a status that it has earned. Until it has come to its end it has
 * failed: Node ends a program quietly when nothing is left to wait for, also where an answer never
 * came, and that is not a yes. `help` is the command that explains the call: the next step after
 * a wrong one.
 */
export async function runToEnd(run: () => Promise<Status>, help: () => string): Promise<void> {
  let isFinished = false
  process.exitCode = UNFINISHED
  process.once('exit', () => {
    // Whoever left with another status has said why.
    if (isFinished || process.exitCode !== UNFINISHED) return
    complain('no verdict: an answer never came, and nothing is left to wait for')
  })
  try {
    process.exitCode = await run()
  } catch (error) {
    const known = await explain(error, help)
    complain(known?.text ?? `a fault of nixsig itself: ${stackOf(error)}`)
    process.exitCode = known?.status ?? 70
  }
  isFinished = true
}

/** Knowing all errors takes most of nixsig's modules, which a call that succeeds need not load. */
async function explain(error: unknown, help: () => string) {
  if (error instanceof UnknownWordError) {
    const { didYouMean } = await import('./suggest.ts')
    return { status: 2, text: `${error.what}: ${didYouMean(error.slip)}${error.next}` } as const
  }
  if (error instanceof UsageError) {
    const text = withNextStep(await inWords(error.message), help())
    return { status: 2, text } as const
  }
  const { explainError } = await import('./explain-error.ts')
  return explainError(error, help())
}

/** Without the names of errors and system calls. */
async function inWords(text: string): Promise<string> {
  if (!/\bE[A-Z0-9_]{2,}\b/.test(text)) return text
  const { withSystemErrorsInWords } = await import('../primitives/system-error-words.ts')
  return withSystemErrorsInWords(text)
}

function complain(text: string): void {
  const prefix = journalPrefix('error', 2)
  const lines = text.split('\n').map(line => `${prefix}nixsig: ${line}\n`)
  process.stderr.write(lines.join(''))
}

function stackOf(error: unknown): string {
  const lines = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split('\n')
  return lines.map(line => printable(line)).join('\n')
}
