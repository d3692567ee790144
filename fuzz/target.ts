/**
 * What is fuzzed: a function that takes bytes from outside and either parses them or refuses them
 * properly.
 */
import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { FormatError } from '../src/primitives/format-error.ts'

/** Characters from outside that must not appear in a message: see src/primitives/printable.ts. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** The most characters of a message: quotations are cut, so no input makes it long. */
const MESSAGE_LIMIT = 4096

export interface Target {
  /** Lower-case and unique. */
  readonly name: string
  /** Inputs from which mutation starts; at least one. */
  readonly seeds: readonly Uint8Array[]
  /** Tokens of the format; at least one. */
  readonly tokens: readonly string[]
  /**
   * Inputs that run right after the seeds, made at that time because they are large. They are not
   * mutated.
   */
  readonly extremes?: readonly (() => Uint8Array | string)[]
  /** Set if a case takes tens of milliseconds, so that a test runs only a few. */
  readonly isSlow?: true
  /** Called before the first case, outside its time, and maybe again. */
  readonly prepare?: () => void
  /**
   * Runs one case. Returns its outcome (accepted, or the reason for the refusal), so that an input
   * with a new outcome is kept for mutation. Throws on any fault: an undeclared error or a violated
   * property.
   */
  readonly check: (input: Uint8Array) => string | Promise<string>
}

/** An error that parsing a format may throw. */
export type Refusal = abstract new (...args: never[]) => Error

export interface Format<T> {
  readonly name: string
  readonly seeds: readonly (Uint8Array | string)[]
  readonly tokens: readonly string[]
  readonly read: (input: Uint8Array) => T
  /**
   * Prints a value so that `read` gives an equal one; undefined for a value that cannot be printed
   * completely.
   */
  readonly print?: (value: T) => Uint8Array | string | undefined
  /**
   * Whether an accepted input is the only encoding of its value; then printing has to return it.
   */
  readonly oneSpelling?: (input: Uint8Array) => boolean
  /** Further properties of a value; throws if one is violated. */
  readonly also?: (value: T, input: Uint8Array) => void
  /** By default FormatError. */
  readonly refusals?: readonly Refusal[]
}

/**
 * The target of a format: it parses or refuses as declared, and printed values can be parsed again.
 */
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
 * The outcome of a declared refusal: its class and its message without quotations. Rethrows all
 * other errors.
 */
export function refusalOf(error: unknown, refusals: readonly Refusal[]): string {
  if (!refusals.some(refusal => error instanceof refusal)) throw error
  const { name, message } = error as Error
  assertFit(message)
  return `${name}: ${kindOf(message)}`
}

/**
 * A message without position, quotations and numbers, so that inputs that fail alike have the same
 * outcome.
 */
export function kindOf(message: string): string {
  return message
    .replace(/".*"/gs, '""')
    .replace(/ \(.*$/s, '')
    .replace(/\/\S*/g, '/')
    .replace(/\d+/g, '0')
}

/** Throws unless a message is safe for a terminal. */
export function assertFit(message: string): void {
  assert.doesNotMatch(message, UNSAFE, 'a message brings unescaped text to the terminal')
  assert.ok(message.length <= MESSAGE_LIMIT, `a message of ${message.length} characters`)
}

/** The bytes of a text in a file or a pipe. */
export function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}

/** The text of bytes; invalid UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
