/** Debian's control files (deb822): paragraphs of fields, whose values may have further lines. */
import { FormatError } from '../../../primitives/format-error.ts'

/** Fields by their names in lower case; a value's further lines follow after newlines, trimmed. */
export type Paragraph = ReadonlyMap<string, string>

/**
 * The paragraphs of a text, one by one. Lines that begin with `#` are comments. Throws FormatError
 * for a line that is neither a field nor goes on with one, and for a field that is repeated.
 */
export function* paragraphsOf(text: string): Generator<Paragraph, void, undefined> {
  let current = new Map<string, string>()
  let field: string | undefined
  let number = 0
  for (const line of linesOf(text)) {
    number++
    if (line.startsWith('#')) continue
    if (line.trim() === '') {
      if (current.size > 0) yield current
      current = new Map()
      field = undefined
    } else if (line.startsWith(' ') || line.startsWith('\t')) {
      if (field === undefined) throw malformed('goes on with no field', number)
      current.set(field, `${current.get(field) ?? ''}\n${line.trim()}`)
    } else {
      const colon = line.indexOf(':')
      const name = line.slice(0, Math.max(0, colon))
      if (!/^[!-9;-~]{1,100}$/.test(name)) throw malformed('is not a field', number)
      field = name.toLowerCase()
      if (current.has(field)) throw malformed('repeats a field', number)
      current.set(field, line.slice(colon + 1).trim())
    }
  }
  if (current.size > 0) yield current
}

function* linesOf(text: string): Generator<string, void, undefined> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    yield text.slice(at, end < 0 ? text.length : end)
    at = end < 0 ? text.length : end + 1
  }
}

/** A file that a Release or Sources file lists. */
export interface ListedFile {
  readonly name: string
  readonly size: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** Reads a field such as `Checksums-Sha256`: lines of hash, size and name. Throws FormatError. */
export function listedFiles(value: string): readonly ListedFile[] {
  return value
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [, sha256, size, name] = /^([0-9a-f]{64}) +(\d{1,15}) +(\S+)$/.exec(line) ?? []
      if (sha256 === undefined || size === undefined || name === undefined)
        throw malformed('a line without hash, size and name', 0)
      return { name, size: Number(size), sha256 }
    })
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('control file', problem, `line ${line}`)
}
