/**
 * Whether a work tree and its index are what a commit has in it. Git does not run in the
 * repository: its configuration, filters and attributes have no say in what is equal.
 */
import { lstatSync, readlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import type { GitTreeEntry } from '../../formats/git-object.ts'
import { NAR_DEPTH_LIMIT } from '../../formats/nix/nar.ts'
import { gitOutput } from '../../git/git-output.ts'
import { layoutOf } from '../../git/layout.ts'
import { type GitObjects, objectId } from '../../git/objects.ts'
import { idSizeOf } from '../../git/own-repository.ts'
import { entriesIn } from '../../git/read-tree.ts'

const FILE_LIMIT = 512 * 1024 * 1024
const COUNT_LIMIT = 1_000_000
const PATHS_LIMIT = 512 * 1024 * 1024

/** Bytes of the index, and of what git prints of it. */
const INDEX_LIMIT = 256 * 1024 * 1024

/** Entries that are no directories, by their paths, byte strings. */
export type TreeFiles = ReadonlyMap<string, GitTreeEntry>

/** All files, links and submodules of a tree. Throws FileError and FormatError. */
export async function filesOfTree(objects: GitObjects, tree: string): Promise<TreeFiles> {
  const files = new Map<string, GitTreeEntry>()
  let [count, size] = [0, 0]
  const walk = async (id: string, prefix: string, depth: number): Promise<void> => {
    if (depth > NAR_DEPTH_LIMIT) throw new FileError('git: directories too deep')
    const entries = await entriesIn(objects, id)
    count += entries.length
    size += entries.reduce((sum, { name }) => sum + prefix.length + name.length, 0)
    if (count > COUNT_LIMIT) throw new FileError(`git: more than ${COUNT_LIMIT} files and directories`)
    if (size > PATHS_LIMIT) throw new FileError(`git: more than ${PATHS_LIMIT} bytes of paths`)
    for (const entry of entries) {
      const path = prefix + entry.name
      if (entry.kind === 'directory') await walk(entry.id, `${path}/`, depth + 1)
      else files.set(path, entry)
    }
  }
  await walk(tree, '', 0)
  return files
}

/**
 * The paths, byte strings, at which the work tree or its index differs from these files. Files that
 * git does not track are not looked at: Nix does not copy them.
 */
export async function changedPaths(top: string, view: string, files: TreeFiles): Promise<readonly string[]> {
  const changed = new Set(await changedInIndex(top, view, files))
  const real = new Map<string, boolean>()
  for (const [path, entry] of files) if (!isSame(top, path, entry, real)) changed.add(path)
  return [...changed].sort()
}

/** `view`: a repository of our own, in which git reads a copy of the index. */
async function changedInIndex(top: string, view: string, files: TreeFiles): Promise<readonly string[]> {
  const scratch = makeScratch('index')
  try {
    const index = join(layoutOf(top).headDirectory, 'index')
    if (!lstatSync(index, { throwIfNoEntry: false })?.isFile()) return ['.git/index']
    // Opened without waiting: its owner could put a pipe in its place at any moment.
    const contents = readRegularFile(index, INDEX_LIMIT)
    if (contents === undefined) return ['.git/index']
    writeFileSync(join(scratch, 'index'), contents)
    const place = { directory: view, env: { GIT_INDEX_FILE: join(scratch, 'index') } }
    const { status, output, complaint } = await gitOutput(place, ['ls-files', '--stage', '-z'], {
      limit: INDEX_LIMIT,
    })
    if (status !== 0) throw new FileError(`cannot read the index: ${complaint.slice(0, 200)}`)
    return differences(output.toString('latin1'), files)
  } finally {
    removeScratch(scratch)
  }
}

/** Lines `MODE ID STAGE<tab>PATH`. */
function differences(listing: string, files: TreeFiles): readonly string[] {
  const changed: string[] = []
  const left = new Set(files.keys())
  for (const line of listing.split('\0')) {
    const [, mode, id, stage, path] = /^(\d+) ([0-9a-f]+) (\d)\t(.+)$/s.exec(line) ?? []
    if (path === undefined) continue
    const entry = files.get(path)
    if (entry === undefined || entry.id !== id || MODES[entry.kind] !== mode || stage !== '0')
      changed.push(path)
    left.delete(path)
  }
  return [...changed, ...left]
}

const MODES: Readonly<Record<GitTreeEntry['kind'], string>> = {
  file: '100644',
  executable: '100755',
  symlink: '120000',
  submodule: '160000',
  directory: '40000',
}

/** `real`: whether what was met above files are directories, and no links. */
function isSame(top: string, path: string, { kind, id }: GitTreeEntry, real: Map<string, boolean>): boolean {
  const file = Buffer.from(path, 'latin1').toString('utf8')
  if (!isRealDirectory(top, dirname(file), real)) return false
  const place = join(top, file)
  const status = lstatSync(place, { throwIfNoEntry: false })
  if (status === undefined) return false
  if (kind === 'submodule') return status.isDirectory()
  const size = idSizeOf(id)
  if (kind === 'symlink') {
    return (
      status.isSymbolicLink() && objectId(size, 'blob', readlinkSync(place, { encoding: 'buffer' })) === id
    )
  }
  if (!status.isFile() || ((status.mode & 0o100) !== 0) !== (kind === 'executable')) return false
  const contents = readRegularFile(place, FILE_LIMIT)
  return contents !== undefined && objectId(size, 'blob', contents) === id
}

function isRealDirectory(top: string, path: string, real: Map<string, boolean>): boolean {
  if (path === '.') return true
  const known = real.get(path)
  if (known !== undefined) return known
  const is =
    isRealDirectory(top, dirname(path), real) &&
    lstatSync(join(top, path), { throwIfNoEntry: false })?.isDirectory() === true
  real.set(path, is)
  return is
}
