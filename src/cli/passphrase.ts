/** Passphrases, from a file or from the terminal, where nobody sees what is typed. */
import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { PassphraseError } from '../crypto/passphrase.ts'
import { readSecretText } from '../crypto/secret-key.ts'
import { endProgress } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** Characters of a passphrase that is typed. */
const LENGTH_LIMIT = 1024

/** The passphrase in a file of its owner's alone: all of it, but for one newline at its end. */
export function passphraseInFile(file: string): string {
  const text = Buffer.from(readSecretText(file, 'passphrase'), 'latin1').toString('utf8').replace(/\n$/, '')
  if (/[\r\n\0]/.test(text)) throw new PassphraseError('a passphrase is one line')
  return text
}

/** Asks once for the passphrase of something that has one. */
export function askPassphrase(prompt: string): Promise<string> {
  return withKeys(keys => typedLine(keys, prompt))
}

/** Asks twice for a new one. Throws PassphraseError if it is empty or the two differ. */
export function askNewPassphrase(): Promise<string> {
  return withKeys(async keys => {
    const first = await typedLine(keys, 'New passphrase: ')
    if (first === '') throw new PassphraseError('an empty passphrase protects nothing')
    if (first !== (await typedLine(keys, 'Once more: '))) {
      throw new PassphraseError('the two passphrases differ')
    }
    return first
  })
}

/** What is typed, a character at a time. */
type Keys = AsyncIterator<string, unknown>

/**
 * Reads the terminal that the command was started from, whatever its standard input is. Throws
 * UsageError if none is.
 */
async function withKeys<T>(use: (keys: Keys) => Promise<T>): Promise<T> {
  const terminal = openTerminal()
  terminal.setRawMode(true)
  try {
    return await use(keysOf(terminal))
  } finally {
    terminal.setRawMode(false)
    terminal.destroy()
  }
}

function openTerminal(): ReadStream {
  try {
    return new ReadStream(openSync('/dev/tty', 'r+'))
  } catch {
    throw new UsageError(
      'a passphrase is needed, and there is no terminal to ask at (--passphrase-file FILE)',
    )
  }
}

async function* keysOf(terminal: ReadStream): AsyncGenerator<string> {
  for await (const piece of terminal.setEncoding('utf8')) yield* String(piece)
}

const ENTER = ['\r', '\n', '\u0004']
const BACKSPACE = ['\u007f', '\b']
const KILL_LINE = '\u0015'
const INTERRUPT = '\u0003'

/**
 * What somebody types up to Enter. What a terminal would do for text that it shows is done here.
 */
async function typedLine(keys: Keys, prompt: string): Promise<string> {
  endProgress()
  process.stderr.write(prompt)
  try {
    let text: readonly string[] = []
    for (;;) {
      const { value, done } = await keys.next()
      if (done === true || value === INTERRUPT) throw new PassphraseError('no passphrase was given')
      const key = String(value)
      if (ENTER.includes(key)) return text.join('')
      if (BACKSPACE.includes(key)) text = text.slice(0, -1)
      else if (key === KILL_LINE) text = []
      else if (text.length < LENGTH_LIMIT) text = [...text, key]
    }
  } finally {
    process.stderr.write('\n')
  }
}
