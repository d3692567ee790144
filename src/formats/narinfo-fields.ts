import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

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

/** One line. */
export interface Field {
  readonly name: string
  readonly value: string
  /** From 1. */
  readonly line: number
}

/**
 * The lines of a narinfo. Throws FormatError if one is no field that Nix writes, stands there again and is no `Sig`, or
 * breaks off.
 */
export function readFields(text: string): readonly Field[] {
  const lines = text.split('\n')
  if (lines.pop() !== '')
    throw new FormatError('narinfo', 'the last line breaks off', `line ${lines.length + 1}`)
  const seen = new Set<string>()
  let signatures = 0
  return lines.map((content, index) => {
    const where = `line ${index + 1}`
    const [, name, value] = /^([A-Za-z]+): ([ -~]*)$/.exec(content) ?? []
    if (name === undefined || value === undefined) {
      throw new FormatError('narinfo', 'not a name, a colon, a space and a value in visible ASCII', where)
    }
    if (!FIELDS.includes(name))
      throw new FormatError('narinfo', `unknown field "${printable(name, 40)}"`, where)
    if (name !== 'Sig' && seen.has(name)) throw new FormatError('narinfo', `field ${name} is repeated`, where)
    if (name === 'Sig' && ++signatures > SIGNATURE_LIMIT) {
      throw new FormatError('narinfo', `more than ${SIGNATURE_LIMIT} signatures`, where)
    }
    seen.add(name)
    return { name, value, line: index + 1 }
  })
}

/** What `read` makes of a field; throws FormatError if there is none, or in the name of its line what `read` throws. */
export function required<T>(fields: readonly Field[], name: string, read: (value: string) => T): T {
  const field = fields.find(field => field.name === name)
  if (field === undefined) throw new FormatError('narinfo', `field ${name} is missing`, 'the whole')
  return inField(field, read)
}

/** The same for a field that need not be there. */
export function optional<T>(
  fields: readonly Field[],
  name: string,
  read: (value: string) => T,
): T | undefined {
  const field = fields.find(field => field.name === name)
  return field === undefined ? undefined : inField(field, read)
}

/** What `read` makes of this field's value; a FormatError that it throws is told as being of this line. */
export function inField<T>({ name, value, line }: Field, read: (value: string) => T): T {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError('narinfo', `${name}: ${error.message}`, `line ${line}`, { cause: error })
  }
}
