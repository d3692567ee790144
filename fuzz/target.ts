/** What is fuzzed: something that takes bytes from outside and either makes sense of them or refuses in proper form. */
import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { FormatError } from '../src/primitives/format-error.ts'

/** Text that nothing from outside may bring into a message: see src/primitives/printable.ts. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** Characters of a message at most: a quotation is cut off, so no input makes one long. */
const MESSAGE_LIMIT = 4096

export interface Target {
  /** Lower case, unique. */
  readonly name: string
  /** Where mutation starts from; at least one. */
  readonly seeds: readonly Uint8Array[]
  /** Words of the format; at least one. */
  readonly tokens: readonly string[]
  /**
   * Inputs that come right after the seeds, made when it is their turn: they are large, and nothing starts from them.
   */
  readonly extremes?: readonly (() => Uint8Array | string)[]
  /** A case takes tens of milliseconds, so a test has few. */
  readonly isSlow?: true
  /** Called before the first case, outside its time, and maybe again. */
  readonly prepare?: () => void
  /**
   * Runs one case. Says what it came to - accepted, or for which reason refused - so that an input which leads
   * somewhere new is kept as a start for others. Throws whatever is wrong: an error that is not declared, a property
   * that is broken.
   */
  readonly check: (input: Uint8Array) => string | Promise<string>
}

/** An error that reading a format may throw. */
export type Refusal = abstract new (...args: never[]) => Error

export interface Format<T> {
  readonly name: string
  readonly seeds: readonly (Uint8Array | string)[]
  readonly tokens: readonly string[]
  readonly read: (input: Uint8Array) => T
  /** What `read` reads back to an equal value; undefined for a value that is not printed whole. */
  readonly print?: (value: T) => Uint8Array | string | undefined
  /** Whether an accepted input is the only spelling of its value, so that printing must give it back. */
  readonly oneSpelling?: (input: Uint8Array) => boolean
  /** Whatever else holds of a value; throws if it does not. */
  readonly also?: (value: T, input: Uint8Array) => void
  /** FormatError unless told. */
  readonly refusals?: readonly Refusal[]
}

/** The target of a format: reads or refuses as declared, and what can be printed is read back. */
export function formatTarget<T>(format: Format<T>): Target {
  const { name, tokens, read, print, also, refusals = [FormatError] } = format
  return {
    name,
    tokens,
    seeds: format.seeds.map(bytesOf),
    check: input => {
      const before = Buffer.from(input)
      let value: T
      try {
        value = read(input)
      } catch (error) {
        return refusalOf(error, refusals)
      }
      assert.ok(before.equals(input), 'the input was written to')
      also?.(value, input)
      const written = print?.(value)
      if (written === undefined) return 'accepted'
      const printed = bytesOf(written)
      if (before.equals(printed)) return 'accepted'
      assert.ok(format.oneSpelling?.(input) !== true, 'there are two spellings of a value')
      assert.ok(isDeepStrictEqual(read(printed), value), 'what was printed reads as another value')
      return 'accepted'
    },
  }
}

/**
 * What a declared refusal comes to, told apart by its kind and its words without what they quote. Throws all others.
 */
export function refusalOf(error: unknown, refusals: readonly Refusal[]): string {
  if (!refusals.some(refusal => error instanceof refusal)) throw error
  const { name, message } = error as Error
  assertFit(message)
  return `${name}: ${kindOf(message)}`
}

/** A message without where it was, what it quotes, and numbers: inputs that fail alike are one kind. */
export function kindOf(message: string): string {
  return message
    .replace(/".*"/gs, '""')
    .replace(/ \(.*$/s, '')
    .replace(/\/\S*/g, '/')
    .replace(/\d+/g, '0')
}

/** Throws unless a message is fit for a terminal. */
export function assertFit(message: string): void {
  assert.doesNotMatch(message, UNSAFE, 'a message brings unescaped text to the terminal')
  assert.ok(message.length <= MESSAGE_LIMIT, `a message of ${message.length} characters`)
}

/** A text as the bytes that a file or a pipe has of it. */
export function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}

/** The text of bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
