import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Pipe } from './connection.ts'

/** How many of the last characters on its standard error are kept. */
const LAST_WORDS = 2000

/**
 * A pipe to a child process. It ends with the child's last words, or with why it did not start.
 * `kill` ends the child; the pipe closes its streams.
 */
export function pipeTo(child: ChildProcessWithoutNullStreams, kill: () => void): Pipe {
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS)
  })
  // A broken stream also ends the pipe, which is where it is handled.
  child.stdin.on('error', () => {})
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', () => resolve(words.trim()))
  })
  return {
    input: child.stdout,
    output: child.stdin,
    ended,
    close() {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      kill()
    },
  }
}
