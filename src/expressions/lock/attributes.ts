/**
 * The attributes of the files of a tree (gitattributes(5)) that change what an archive has in it.
 */
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { gitOutput } from '../../git/git-output.ts'
import { printable } from '../../primitives/printable.ts'

/** Bytes that git prints for one question: well below what fits into a string. */
const OUTPUT_LIMIT = 256 * 1024 * 1024
const NAMES = ['export-ignore', 'export-subst', 'text', 'eol', 'crlf'] as const

/** What the attributes of a tree do to its files. Paths are byte strings. */
export interface TreeAttributes {
  /** Directories end in a slash. */
  readonly ignored: ReadonlySet<string>
  /**
   * Files in which an archive has CR LF at the ends of lines; `auto`: if git takes them for text.
   */
  readonly crlf: ReadonlyMap<string, 'text' | 'auto'>
  /** Files in which an archive replaces words by what the repository has at that moment. */
  readonly substituted: ReadonlySet<string>
}

/**
 * Asks git for the attributes of all files and directories of a tree, by the .gitattributes files
 * in it alone. `directory` is a repository of our own. Throws FileError.
 */
export async function attributesOf(directory: string, tree: string): Promise<TreeAttributes> {
  const scratch = makeScratch('index')
  const place = { directory, env: { GIT_INDEX_FILE: join(scratch, 'index') } }
  try {
    await output(place, ['read-tree', tree])
    const names = await output(place, ['ls-tree', '-r', '-t', '-z', tree])
    const paths = names.split('\0').flatMap(line => pathOf(line))
    const args = ['check-attr', '--cached', '--stdin', '-z', ...NAMES]
    return gathered(await output(place, args, paths.map(path => `${path}\0`).join('')))
  } finally {
    removeScratch(scratch)
  }
}

/** A line of ls-tree: `MODE TYPE ID<tab>PATH`. Git asks for the attributes of `directory/`. */
function pathOf(line: string): readonly string[] {
  const [, type, path] = /^\d+ (\w+) [0-9a-f]+\t(.+)$/s.exec(line) ?? []
  if (path === undefined) return []
  return [type === 'tree' ? `${path}/` : path]
}

function gathered(answers: string): TreeAttributes {
  const values = new Map<string, Map<string, string>>()
  const words = answers.split('\0')
  for (let at = 0; at + 2 < words.length; at += 3) {
    const [path = '', name = '', value = ''] = words.slice(at, at + 3)
    if (value === 'unspecified') continue
    const known = values.get(path) ?? new Map<string, string>()
    values.set(path, known.set(name, value))
  }
  const where = (test: (attributes: ReadonlyMap<string, string>) => boolean) =>
    new Set([...values].filter(([, attributes]) => test(attributes)).map(([path]) => path))
  return {
    ignored: where(attributes => attributes.get('export-ignore') === 'set'),
    substituted: where(attributes => attributes.get('export-subst') === 'set'),
    crlf: new Map([...values].flatMap(([path, attributes]) => crlfOf(path, attributes))),
  }
}

function crlfOf(
  path: string,
  attributes: ReadonlyMap<string, string>,
): readonly (readonly [string, 'text' | 'auto'])[] {
  const text = attributes.get('text') ?? attributes.get('crlf')
  if (attributes.get('eol') !== 'crlf' || text === 'unset') return []
  return [[path, text === 'auto' ? 'auto' : 'text']]
}

async function output(
  place: { readonly directory: string; readonly env: Readonly<Record<string, string>> },
  args: readonly string[],
  input = '',
): Promise<string> {
  const bytes = Buffer.from(input, 'latin1')
  const {
    status,
    complaint,
    output: printed,
  } = await gitOutput(place, args, { input: bytes, limit: OUTPUT_LIMIT })
  if (status === 0) return printed.toString('latin1')
  throw new FileError(`cannot read the attributes of a tree: ${printable(complaint, 300)}`)
}

/** What git writes for a file with CR LF at the ends of lines: a CR before each bare LF. */
export function withCrlf(contents: Uint8Array, how: 'text' | 'auto'): Uint8Array {
  if (how === 'auto' && (contents.includes(0) || contents.includes(CR))) return contents
  // Byte by byte: as text, a large file would be too long, and would be there many times.
  let bare = 0
  for (let at = 0; at < contents.length; at++) if (isBareLf(contents, at)) bare++
  if (bare === 0) return contents
  const converted = Buffer.allocUnsafe(contents.length + bare)
  let end = 0
  for (let at = 0; at < contents.length; at++) {
    if (isBareLf(contents, at)) converted[end++] = CR
    converted[end++] = contents[at] ?? 0
  }
  return converted
}

const [LF, CR] = [10, 13]

function isBareLf(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === LF && (at === 0 || bytes[at - 1] !== CR)
}
