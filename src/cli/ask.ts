/** Questions on the terminal. */
import { createInterface } from 'node:readline/promises'
import { endProgress } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/**
 * Asks whether to go on; anything but `y` or `yes` means no. Throws UsageError where there is no
 * terminal: nobody can have seen what would be done. What was typed ahead in `interview`, if there
 * was one, answers first.
 */
export async function askToAgree(question: string, interview?: Interview): Promise<boolean> {
  const prompt = `${question} [y/N] `
  if (interview !== undefined) return isYes(await interview.ask(prompt))
  if (!hasTerminal()) {
    throw new UsageError(
      'nothing was done: there is no terminal to ask at; next: the same command with --yes, if that is what you want',
    )
  }
  return (await ask(prompt)) ?? false
}

/** Whether somebody can be asked. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Undefined where somebody goes away rather than answer. */
async function ask(prompt: string): Promise<boolean | undefined> {
  endProgress()
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new Promise<undefined>(resolve => lines.once('close', () => resolve(undefined)))
  const answer = lines.question(prompt).catch(() => undefined)
  try {
    const text = await Promise.race([answer, gone])
    return text === undefined ? undefined : isYes(text.trim())
  } finally {
    lines.close()
  }
}

function isYes(answer: string): boolean {
  return /^y(?:es)?$/i.test(answer)
}

/** Several questions in a row, each answered in a line. */
export interface Interview {
  /** The answer without spaces around it. Throws UsageError where somebody goes away. */
  ask(question: string): Promise<string>
  /** Says something about the next question. */
  say(text: string): void
  close(): void
}

/** Asks at the terminal. Lines that are typed ahead answer the questions that follow. */
export function openInterview(): Interview {
  endProgress()
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const typed: string[] = []
  let waiting: ((line: string | undefined) => void) | undefined
  let isOver = false
  lines.on('line', line => {
    if (waiting === undefined) typed.push(line)
    else waiting(line)
    waiting = undefined
  })
  lines.on('SIGINT', () => {
    const isAsked = waiting !== undefined
    lines.close()
    // Between two questions it means the program, as it does where no question was asked yet.
    if (!isAsked) process.kill(process.pid, 'SIGINT')
  })
  lines.on('close', () => {
    isOver = true
    waiting?.(undefined)
    waiting = undefined
  })
  return {
    async ask(question) {
      lines.setPrompt(question)
      lines.prompt()
      const ahead = typed.shift()
      const gone = ahead === undefined && isOver
      const line = gone
        ? undefined
        : (ahead ?? (await new Promise<string | undefined>(resolve => (waiting = resolve))))
      if (line === undefined) throw new UsageError('no answer was given: nothing was done')
      return line.trim()
    },
    say: text => {
      process.stderr.write(`${text}\n`)
    },
    close: () => lines.close(),
  }
}
