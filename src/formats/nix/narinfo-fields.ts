import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

const SIGNATURE_LIMIT = 256

const FIELDS: readonly string[] = [
  'StorePath',
  'URL',
  'Compression',
  'FileHash',
  'FileSize',
  'NarHash',
  'NarSize',
  'References',
  'Deriver',
  'System',
  'Sig',
  'CA',
]

/** One line of a narinfo. */
export interface Field {
  readonly name: string
  readonly value: string
  /** From 1. */
  readonly line: number
}

/**
 * The lines of a narinfo. Throws FormatError if a line is not a field that Nix writes, is repeated
 * and not a `Sig`, or is incomplete.
 */
export function readFields(text: string): readonly Field[] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw malformed('the last line breaks off', lines.length + 1)
  const fields = lines.map((content, index) => readField(content, index + 1))
  const seen = new Map<string, number>()
  for (const { name, line } of fields) {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    if (name === 'Sig' && count > SIGNATURE_LIMIT) throw malformed(`more than ${SIGNATURE_LIMIT} Sig`, line)
    if (name !== 'Sig' && count > 1) throw malformed(`field ${name} is repeated`, line)
  }
  return fields
}

/**
 * Applies `read` to a field. Throws FormatError if the field is absent; errors of `read` name its
 * line.
 */
export function required<T>(fields: readonly Field[], name: string, read: (value: string) => T): T {
  const field = fields.find(field => field.name === name)
  if (field === undefined) throw new FormatError('narinfo', `field ${name} is missing`, 'the whole')
  return inField(field, read)
}

/** Applies `read` to a field; undefined if the field is absent. Errors of `read` name its line. */
export function optional<T>(
  fields: readonly Field[],
  name: string,
  read: (value: string) => T,
): T | undefined {
  const field = fields.find(field => field.name === name)
  return field === undefined ? undefined : inField(field, read)
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
    throw new FormatError('narinfo', `${name}: ${error.message}`, `line ${line}`, { cause: error })
  }
}

function readField(content: string, line: number): Field {
  const [, name, value] = /^([A-Za-z]+): ([ -~]*)$/.exec(content) ?? []
  if (name === undefined || value === undefined) {
    throw malformed('not a name, a colon, a space and a value in visible ASCII', line)
  }
  if (!FIELDS.includes(name)) throw malformed(`unknown field "${printable(name, 40)}"`, line)
  return { name, value, line }
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('narinfo', problem, `line ${line}`)
}
