import { FileError } from '../files/regular-file.ts'
import { type NarWriter, narWriter } from './nar-writer.ts'
import type { GitObjects } from './objects.ts'
import { type Checkout, type Directory, entriesOf, type Leaf, readDirectories } from './tree.ts'

/** Bytes of all files of one tree: a file counts as often as it is there. */
const CONTENTS_LIMIT = 64 * 1024 ** 3

/**
 * The SHA-256 NAR hash, in lower-case hex, of the files of a git tree, without .git. Throws
 * FileError for a submodule unless `checkout` says what to do with it, for a tree of more than
 * 1,000,000 entries or 64 GiB (or `contentsLimit` bytes), and as GitObjects.read does.
 */
export async function narHashOfGitTree(
  objects: GitObjects,
  tree: string,
  checkout: Checkout = {},
  contentsLimit: number = CONTENTS_LIMIT,
): Promise<string> {
  let left = contentsLimit
  const root = await readDirectories(objects, tree, checkout)
  const nar = narWriter()
  const streams = new Map<GitObjects, AsyncGenerator<Uint8Array>>()
  try {
    for (const leaf of writtenAround(nar, root, checkout)) {
      const blobs = streams.get(leaf.objects) ?? blobsIn(leaf.objects, root, checkout)
      streams.set(leaf.objects, blobs)
      const { value } = await blobs.next()
      if (!(value instanceof Uint8Array)) throw new FileError('git: fewer files than were asked for')
      left -= value.length
      if (left < 0) throw new FileError(`git: the files of a tree have more than ${contentsLimit} bytes`)
      writeLeaf(nar, leaf, leaf.kind === 'symlink' ? value : (checkout.convert?.(leaf.path, value) ?? value))
    }
    return nar.digest()
  } finally {
    for (const blobs of streams.values()) await blobs.return(undefined)
  }
}

/** The contents of the files that are in one repository, in the order of the NAR. */
function blobsIn(objects: GitObjects, root: Directory, checkout: Checkout): AsyncGenerator<Uint8Array> {
  const ids: string[] = []
  for (const leaf of leavesOf(root, checkout)) if (leaf.objects === objects) ids.push(leaf.id)
  return objects.stream(ids, 'blob')
}

function* leavesOf(directory: Directory, checkout: Checkout): Generator<Leaf> {
  for (const { node } of entriesOf(directory, checkout)) {
    if ('kind' in node) yield node
    else yield* leavesOf(node, checkout)
  }
}

/** Writes everything but the files, each of which is to be written when it is yielded. */
function* writtenAround(nar: NarWriter, directory: Directory, checkout: Checkout): Generator<Leaf> {
  nar.directory()
  for (const { name, node } of entriesOf(directory, checkout)) {
    nar.entry(name)
    if ('kind' in node) yield node
    else yield* writtenAround(nar, node, checkout)
    nar.close()
  }
  nar.close()
}

function writeLeaf(nar: NarWriter, { kind }: Leaf, contents: Uint8Array): void {
  if (kind === 'symlink') nar.symlink(contents)
  else nar.file(contents, kind === 'executable')
}
