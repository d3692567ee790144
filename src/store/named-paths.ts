/**
 * Finds which paths of a store a tree on the disk names. Loads node:crypto: a hook imports this
 * module with `await import()`.
 */
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { dumpTree, type NarSummary } from './disk-tree-nar.ts'
import { hashPartsInNar } from './nar-references.ts'
import { type Age, namesInStore, notePresent } from './present-names.ts'

/** The most bytes of a NAR that is looked into. */
const SIZE_LIMIT = 4 * 1024 * 1024 * 1024

/**
 * The paths of the store below `root` whose hash parts occur in the tree of `path`, sorted; itself
 * as well, if its own occurs. Throws FileError if the tree is too large, cannot be read, or does not
 * have this NAR hash and size. `age`: with a `recent` listing of the store, paths that came in
 * without `notePresent` may be missing.
 */
export async function pathsNamedIn(
  root: string,
  path: string,
  nar: NarSummary,
  age: Age,
): Promise<readonly string[]> {
  const file = join(root === '' ? '/' : root, path)
  if (nar.narSize > SIZE_LIMIT) {
    throw new FileError(
      `${printable(file)} is too large to look for references: ${nar.narSize} bytes of ${SIZE_LIMIT}`,
    )
  }
  try {
    const names = namesInStore(root, age)
    notePresent(root, path)
    const { seen } = await hashPartsInNar(dumpTree(file), nar, { names, others: false })
    return [...seen].map(digest => `${STORE_DIR}/${digest}-${names.get(digest)}`).sort()
  } catch (error) {
    if (error instanceof FormatError) {
      throw new FileError(
        `${printable(file)} has other contents than Nix says (sha256:${nar.narHash}, ${nar.narSize} bytes)`,
      )
    }
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new FileError(`${printable(file)} cannot be looked into for references: ${code}`)
  }
}
