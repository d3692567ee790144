import { isDerivationPath, parseStorePath } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import type { PathInfo, Store } from '../store/store-client.ts'
import { isBuilt } from '../verifier/makers.ts'
import { PackagingError } from './packaging-error.ts'

/** What an attestation is about: a store path with the contents that were just read. */
export interface Contents {
  /** Whole store path. */
  readonly path: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Where the contents lie on the disk. */
  readonly file: string
}

/**
 * The contents of a valid path, read and hashed now: who signs stands for the bytes that are there,
 * and not for what the database says of them. Throws PackagingError if the path is not valid or is
 * not what the store registered.
 */
export async function validContents(
  store: Store,
  path: string,
): Promise<{ readonly contents: Contents; readonly info: PathInfo }> {
  const name = printable(parseStorePath(path).path)
  const info = await store.pathInfo(path)
  if (info === undefined) {
    throw new PackagingError(
      'not-valid',
      `${name} is not valid in this store; next: build or fetch it (nix-store --realise ${name}); where that is refused, attest it where it was built, or the file that it is fetched from`,
    )
  }
  const { narHash } = await narHashOfTree(path)
  if (narHash !== info.narHash) {
    throw new PackagingError(
      'altered',
      `${name} is not what the store registered: repair it (nix-store --repair-path ${name})`,
    )
  }
  return { contents: { path, narHash, file: path }, info }
}

/**
 * The contents of a valid path that is a source. Throws PackagingError also for a derivation or an
 * output of one.
 */
export async function sourceContents(store: Store, path: string): Promise<Contents> {
  if (isDerivationPath(parseStorePath(path))) {
    throw new PackagingError('wrong-kind', `${path} is a derivation: nixsig attest derivation`)
  }
  const { contents, info } = await validContents(store, path)
  if (await isBuilt(store, info)) {
    throw new PackagingError(
      'wrong-kind',
      `${path} was built, so it is not a source: whoever built it runs nixsig attest output`,
    )
  }
  return contents
}
