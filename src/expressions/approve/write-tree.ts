/** Writes the files of a git tree, as they are: without filters, attributes and .git. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import type { GitTreeEntry } from '../../formats/git-object.ts'
import { NAR_DEPTH_LIMIT } from '../../formats/nix/nar.ts'
import type { GitObjects } from '../../git/objects.ts'
import { entriesIn } from '../../git/read-tree.ts'
import { printable } from '../../primitives/printable.ts'

const COUNT_LIMIT = 1_000_000

/**
 * Writes a tree into a new directory, which nobody else may be able to write to. A
 * submodule is an empty directory. Throws as GitObjects.read does.
 */
export async function writeGitTree(objects: GitObjects, tree: string, directory: string): Promise<void> {
  const left = { count: COUNT_LIMIT }
  const write = async (id: string, to: string, depth: number): Promise<void> => {
    if (depth >= NAR_DEPTH_LIMIT) throw new FileError('git: directories too deep')
    const entries = await entriesIn(objects, id)
    left.count -= entries.length
    if (left.count < 0) throw new FileError(`git: more than ${COUNT_LIMIT} files`)
    mkdirSync(to, { mode: 0o700 })
    for (const entry of entries) await writeEntry(entry, join(to, bytesOf(entry.name)), depth)
  }
  const writeEntry = async ({ kind, id }: GitTreeEntry, file: string, depth: number): Promise<void> => {
    if (kind === 'directory') return write(id, file, depth + 1)
    // As git leaves it: its files are in another repository.
    if (kind === 'submodule') return void mkdirSync(file, { mode: 0o700 })
    const contents = await objects.read(id, 'blob')
    if (kind === 'symlink') symlinkSync(Buffer.from(contents), file)
    else writeFileSync(file, contents, { flag: 'wx', mode: kind === 'executable' ? 0o755 : 0o644 })
  }
  await write(tree, directory, 0)
}

/** A name in a tree is one character per byte; as a file name it has to be UTF-8. */
function bytesOf(name: string): string {
  const bytes = Buffer.from(name, 'latin1')
  const text = bytes.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(bytes)) return text
  throw new FileError(`git: the name of ${printable(text)} is not UTF-8`)
}
