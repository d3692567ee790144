import { createHash } from 'node:crypto'
import { FileError } from '../files/regular-file.ts'
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narFileHead,
  narFileTail,
  narStart,
  narSymlink,
} from '../formats/nix/nar-tokens.ts'
import { type GatheredHash, gatheredHash } from './gathered-hash.ts'
import type { GitObjects } from './objects.ts'
import { type Checkout, type Directory, type Leaf, readDirectories, type TreeEntry } from './tree.ts'

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
  const hash = gatheredHash(createHash('sha256'))
  const streams = new Map<GitObjects, AsyncGenerator<Uint8Array>>()
  const blobOf = async (leaf: Leaf): Promise<Uint8Array> => {
    const blobs = streams.get(leaf.objects) ?? streamOf(root, leaf.objects)
    streams.set(leaf.objects, blobs)
    const { value } = await blobs.next()
    if (value instanceof Uint8Array) return value
    throw new FileError('git: fewer files than were asked for')
  }
  try {
    hash.add(narStart())
    for (const step of stepsOf(root)) {
      if (step instanceof Uint8Array) hash.add(step)
      else addLeaf(hash, step, convertedBy(checkout, step, await blobOf(step)))
    }
    return hash.digest()
  } finally {
    for (const blobs of streams.values()) await blobs.return(undefined)
  }
}

/** The contents of the files that are in one repository, in the order of the NAR. */
function streamOf(root: Directory, objects: GitObjects): AsyncGenerator<Uint8Array> {
  const ids = function* () {
    for (const step of stepsOf(root)) {
      if (!(step instanceof Uint8Array) && step.objects === objects) yield step.id
    }
  }
  return objects.stream({ [Symbol.iterator]: ids }, 'blob')
}

function convertedBy({ convert }: Checkout, { kind, path }: Leaf, contents: Uint8Array): Uint8Array {
  return convert === undefined || kind === 'symlink' ? contents : convert(path, contents)
}

function addLeaf(hash: GatheredHash, { kind }: Leaf, contents: Uint8Array): void {
  if (kind === 'symlink') {
    hash.add(narSymlink(Buffer.from(contents).toString('latin1')))
    return
  }
  hash.add(narFileHead(contents.length, kind === 'executable'))
  hash.add(contents)
  hash.add(narFileTail(contents.length))
}

const CLOSE = narClose()
const DIRECTORY = narDirectoryHead()

/** The NAR of a directory, with files for what they hold. */
function* stepsOf(directory: Directory): Generator<Uint8Array | Leaf> {
  yield DIRECTORY
  for (const entry of directory.entries) {
    yield narEntryHead(entry.name)
    yield* nodeOf(entry)
    yield CLOSE
  }
  yield CLOSE
}

function* nodeOf(entry: TreeEntry): Generator<Uint8Array | Leaf> {
  if (entry.kind === 'directory') yield* stepsOf(entry.directory)
  else yield entry
}
