/**
 * Readers of large documents, put together from small ones. The place of a problem in the document
 * is found out only when there is one, so that nothing is kept for each of a million values.
 */
import { FormatError } from '../../primitives/format-error.ts'
import type { JsonValue } from './strict.ts'

/** Makes a value of JSON one of ours. Throws Unfit. */
export type Read<T> = (value: JsonValue) => T

/** A value is not what was expected, and where: keys and indices from the innermost outwards. */
class Unfit extends Error {
  readonly inwards: (string | number)[] = []
}

/** What a reader of one's own throws for a value that does not fit: `must be …`. */
export function unfit(what: string): Error {
  return new Unfit(what)
}

/** Reads a document. Throws FormatError in the name of `format`, with the place of the problem. */
export function readDocument<T>(format: string, value: JsonValue, read: Read<T>): T {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    const place = error.inwards.reverse().map(key => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    const where = place.join('').replace(/^\./, '')
    throw new FormatError(format, error.message, where === '' ? 'the whole' : where, { cause: error })
  }
}

/**
 * An object with a field for each of these readers, by its name in snake_case. What else it has is
 * ignored.
 */
export function record<T extends object>(readers: { readonly [Name in keyof T]-?: Read<T[Name]> }): Read<T> {
  const fields = Object.entries<Read<unknown>>(readers).map(
    ([name, read]) => [name, snakeCase(name), read] as const,
  )
  return value => {
    if (!(value instanceof Map)) throw unfit('must be an object')
    const made: Record<string, unknown> = {}
    for (const [name, key, read] of fields) {
      const field: JsonValue | undefined = value.get(key)
      if (field === undefined) throw unfit(`field "${key}" is missing`)
      made[name] = within(key, read, field)
    }
    return made as T
  }
}

/** A list of at most `limit` elements. */
export function list<T>(read: Read<T>, limit: number): Read<readonly T[]> {
  return value => {
    if (!Array.isArray(value)) throw unfit('must be a list')
    if (value.length > limit) throw unfit(`more than ${limit} entries`)
    return value.map((element, index) => within(index, read, element))
  }
}

/** null is undefined; everything else is for `read`. */
export function orNull<T>(read: Read<T>): Read<T | undefined> {
  return value => (value === null ? undefined : read(value))
}

/** A string of at most `limit` UTF-16 units. */
export function text(limit: number): Read<string> {
  return value => {
    if (typeof value !== 'string') throw unfit('must be a string')
    if (value.length > limit) throw unfit(`longer than ${limit} characters`)
    return value
  }
}

/** A string of a form, which errors call `what`. The form bounds its length. */
export function formed(form: RegExp, what: string): Read<string> {
  return value => {
    if (typeof value !== 'string' || !form.test(value)) throw unfit(`must be ${what}`)
    return value
  }
}

/** 64 lower-case hexadecimal digits. */
export const sha256Hex: Read<string> = formed(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits')

/** One of these values. */
export function oneOf<const T extends string | number>(values: readonly T[]): Read<T> {
  const all = new Set<JsonValue>(values)
  return value => {
    if (!all.has(value)) throw unfit(`must be one of ${values.join(', ')}`)
    return value as T
  }
}

/** An integer from `least` to `most`. */
export function integer(least: number, most: number): Read<number> {
  return value => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
      throw unfit(`must be an integer from ${least} to ${most}`)
    }
    return value
  }
}

export const flag: Read<boolean> = value => {
  if (typeof value !== 'boolean') throw unfit('must be true or false')
  return value
}

/** Calls `narHash` `nar_hash`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

/** Reads what stands under a key, and says so if that fails. */
function within<T>(key: string | number, read: Read<T>, value: JsonValue): T {
  try {
    return read(value)
  } catch (error) {
    if (error instanceof Unfit) error.inwards.push(key)
    throw error
  }
}
