/**
 * The fields of a narinfo, found as Nix finds them (Nix's source, src/libstore/nar-info.cc, the
 * same from 2.8 to now): a name is all up to the next colon, and its value begins two characters
 * after that and ends with the line. So a line without a colon belongs to the name after it, and an
 * empty field without a space has the whole next line as its value.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/** The fields that a Nix signature covers. */
const COVERED: readonly string[] = ['StorePath', 'NarHash', 'NarSize', 'References']

/** One field of a narinfo. The text is Latin-1: a character for each byte. */
export interface Field {
  readonly name: string
  readonly value: string
  /** From 1. */
  readonly line: number
}

/**
 * The fields of a narinfo, those that Nix does not know included. Throws FormatError if Nix could
 * not read them, or if a reader that goes line by line would find other values of what signatures
 * cover.
 */
export function readFields(text: string): readonly Field[] {
  const fields: Field[] = []
  const covered: string[] = []
  let line = 1
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at)
    if (colon < 0) throw malformed('there is no colon after the name', line)
    const end = text.indexOf('\n', colon + 2)
    if (end < 0) throw malformed('the last line breaks off', line)
    const name = text.slice(at, colon)
    fields.push({ name, value: text.slice(colon + 2, end), line })
    if (COVERED.includes(name)) covered.push(text.slice(at, end))
    line += text.slice(at, end).split('\n').length
    at = end + 1
  }
  assertOneReading(text, covered)
  return fields
}

/** Throws FormatError unless the lines of covered fields are exactly those that Nix finds. */
function assertOneReading(text: string, covered: readonly string[]): void {
  let next = 0
  for (const [index, line] of text.split('\n').entries()) {
    const name = COVERED.find(name => line.startsWith(`${name}:`))
    if (name === undefined) continue
    if (covered[next++] !== line) throw malformed(`${name} is read in two ways`, index + 1)
    if (line.charAt(name.length + 1) !== ' ') throw malformed(`no space after ${name}:`, index + 1)
  }
}

/**
 * Applies `read` to a field that signatures cover. Throws FormatError if two fields of the name say
 * different things, as `isSame` compares them; errors of `read` name the line. Undefined if the
 * field is absent.
 */
export function covered<T>(
  fields: readonly Field[],
  name: string,
  read: (value: string) => T,
): T | undefined {
  const named = fields.filter(field => field.name === name)
  const [first, ...others] = named.map(field => ({ field, said: inField(field, read) }))
  for (const { field, said } of others) {
    if (String(said) !== String(first?.said)) throw malformed(`${name} says something else again`, field.line)
  }
  return first?.said
}

/** The value that must be there. Throws FormatError if it is not. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new FormatError('narinfo', `field ${name} is missing`, 'the whole')
  return value
}

/** The field of this name that Nix takes if there are several: the last one. */
export function last(fields: readonly Field[], name: string): Field | undefined {
  return fields.findLast(field => field.name === name)
}

/**
 * Applies `read` to the value of this field. A FormatError that it throws is reported for this
 * line.
 */
export function inField<T>({ name, value, line }: Field, read: (value: string) => T): T {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError('narinfo', `${printable(name, 40)}: ${error.message}`, `line ${line}`, {
      cause: error,
    })
  }
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('narinfo', problem, `line ${line}`)
}
