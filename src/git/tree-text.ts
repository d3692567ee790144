/** Trees of git, made from the paths of files. */

import { FileError } from '../files/regular-file.ts'
import type { GitTreeEntry } from '../formats/git-object.ts'
import { fromHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'

/** What stands at a path of a tree: never a directory. */
export interface TreeFile {
  readonly kind: Exclude<GitTreeEntry['kind'], 'directory'>
  readonly id: string
}

const MODES = {
  file: '100644',
  executable: '100755',
  symlink: '120000',
  submodule: '160000',
  directory: '40000',
} as const satisfies Record<GitTreeEntry['kind'], string>

/**
 * Makes the trees for these files, from the innermost to the root, which is returned. `write`
 * stores a tree and returns its id. Paths are byte strings. Throws FileError if something is a file and a
 * directory at once.
 */
export function makeTree(
  files: ReadonlyMap<string, TreeFile>,
  write: (contents: Uint8Array) => string,
): string {
  const entries = new Map<string, GitTreeEntry>()
  const below = new Map<string, Map<string, TreeFile>>()
  for (const [path, file] of files) {
    const at = path.indexOf('/')
    const name = at < 0 ? path : path.slice(0, at)
    if (at < 0) {
      entries.set(name, { name, ...file })
      continue
    }
    const inner = below.get(name) ?? new Map<string, TreeFile>()
    below.set(name, inner.set(path.slice(at + 1), file))
  }
  for (const [name, inner] of below) {
    if (entries.has(name)) throw new FileError(`${printable(name)} is a file and a directory in one tree`)
    entries.set(name, { name, kind: 'directory', id: makeTree(inner, write) })
  }
  return write(printTree([...entries.values()]))
}

/** The contents of a tree object. Git sorts a directory as if its name ended in `/`. */
function printTree(entries: readonly GitTreeEntry[]): Uint8Array {
  const sortName = ({ name, kind }: GitTreeEntry) => (kind === 'directory' ? `${name}/` : name)
  const sorted = [...entries].sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1))
  return Buffer.concat(
    sorted.flatMap(({ name, kind, id }) => [Buffer.from(`${MODES[kind]} ${name}\0`, 'latin1'), fromHex(id)]),
  )
}
