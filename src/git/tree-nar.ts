import { FileError } from '../files/regular-file.ts'
import { type NarWriter, narWriter } from './nar-writer.ts'
import type { GitObjects } from './objects.ts'
import { type Checkout, type Directory, type Leaf, readDirectories } from './tree.ts'

/**
 * The SHA-256 NAR hash, in lower-case hex, of the files of a git tree, without .git. Throws
 * FileError for a submodule unless `checkout` says what to do with it, and as GitObjects.read does.
 */
export async function narHashOfGitTree(
  objects: GitObjects,
  tree: string,
  checkout: Checkout = {},
): Promise<string> {
  const root = await readDirectories(objects, tree, checkout)
  const nar = narWriter()
  const streams = new Map<GitObjects, AsyncGenerator<Uint8Array>>()
  try {
    for (const leaf of writtenAround(nar, root)) {
      const blobs = streams.get(leaf.objects) ?? blobsIn(leaf.objects, root)
      streams.set(leaf.objects, blobs)
      const { value } = await blobs.next()
      if (!(value instanceof Uint8Array)) throw new FileError('git: fewer files than were asked for')
      writeLeaf(nar, leaf, leaf.kind === 'symlink' ? value : (checkout.convert?.(leaf.path, value) ?? value))
    }
    return nar.digest()
  } finally {
    for (const blobs of streams.values()) await blobs.return(undefined)
  }
}

/** The contents of the files that are in one repository, in the order of the NAR. */
function blobsIn(objects: GitObjects, root: Directory): AsyncGenerator<Uint8Array> {
  const ids = function* () {
    for (const leaf of leavesOf(root)) if (leaf.objects === objects) yield leaf.id
  }
  return objects.stream({ [Symbol.iterator]: ids }, 'blob')
}

function* leavesOf({ entries }: Directory): Generator<Leaf> {
  for (const entry of entries) {
    if (entry.kind === 'directory') yield* leavesOf(entry.directory)
    else yield entry
  }
}

/** Writes everything but the files, each of which is to be written when it is yielded. */
function* writtenAround(nar: NarWriter, { entries }: Directory): Generator<Leaf> {
  nar.directory()
  for (const entry of entries) {
    nar.entry(entry.name)
    if (entry.kind === 'directory') yield* writtenAround(nar, entry.directory)
    else yield entry
    nar.close()
  }
  nar.close()
}

function writeLeaf(nar: NarWriter, { kind }: Leaf, contents: Uint8Array): void {
  if (kind === 'symlink') nar.symlink(contents)
  else nar.file(contents, kind === 'executable')
}
