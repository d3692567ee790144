/** Gentoo's tree, each file verified by the Manifests above it (GLEP 74). */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { readRegularFile } from '../../../files/regular-file.ts'
import { type ManifestEntry, readManifestLine } from '../../../formats/gentoo-manifest.ts'
import { toHex } from '../../../primitives/hex.ts'
import { printable } from '../../../primitives/printable.ts'
import { blake2b512, sha256 } from '../../../primitives/sodium.ts'
import { BuildError } from '../build-error.ts'
import { verifiedText } from '../signed-text.ts'
import { unpacked } from '../unpack.ts'

const MANIFEST_LIMIT = 64 * 1024 * 1024
const DEPTH_LIMIT = 8

/** Hashes that prove a file; others in a Manifest are not looked at. */
const HASHES: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  SHA256: bytes => toHex(sha256(bytes)),
  SHA512: bytes => createHash('sha512').update(bytes).digest('hex'),
  BLAKE2B: bytes => toHex(blake2b512(bytes)),
}

type Checksums = ReadonlyMap<string, readonly ManifestEntry[]>

/** Checks a file by its lines in a Manifest. Throws BuildError if they do not prove it. */
export function assertListed(
  path: string,
  bytes: Uint8Array,
  lines: readonly ManifestEntry[] | undefined,
): void {
  const known = (lines ?? []).flatMap(({ algorithm, hash }) => {
    const hashOf = HASHES[algorithm]
    return hashOf === undefined ? [] : [hashOf(bytes) === hash.toLowerCase()]
  })
  if (known.length === 0) throw new BuildError(`no Manifest lists ${printable(path)}`)
  if (known.includes(false))
    throw new BuildError(`${printable(path)} is another file than its Manifest lists`)
}

/**
 * The checksums in a Manifest by its paths. Other lines are passed over: they prove nothing.
 */
export function checksumsIn(text: string): Checksums {
  const found = new Map<string, ManifestEntry[]>()
  for (const line of text.split('\n'))
    for (const entry of readManifestLine(line.trimEnd()) ?? [])
      found.set(entry.path, [...(found.get(entry.path) ?? []), entry])
  return found
}

export interface Tree {
  /** The key that signed the Manifest; undefined if nothing does. */
  readonly signer: string | undefined
  /**
   * A file of the tree by its path; undefined if it is not there. Throws BuildError and FileError.
   */
  read(path: string, limit: number): Promise<Uint8Array | undefined>
}

/** Opens a tree that nothing signs. */
export function unverifiedTree(directory: string): Tree {
  return { signer: undefined, read: async (path, limit) => readRegularFile(join(directory, path), limit) }
}

/** Opens a tree whose Manifest was signed. Throws BuildError if it was not. */
export async function signedTree(directory: string, keyring: string): Promise<Tree> {
  const what = join(directory, 'Manifest')
  const file = readRegularFile(what, MANIFEST_LIMIT)
  if (file === undefined || !file.includes('-----BEGIN PGP SIGNED MESSAGE-----'))
    throw new BuildError(
      `${printable(what)} is not signed, as in a checkout from git; next: take the tree that rsync serves, or say --unverified-tree`,
    )
  const { text, signer } = await verifiedText(file, printable(what), keyring)
  const manifests = new Map<string, Checksums>([['', checksumsIn(text)]])
  const read = async (path: string, limit: number): Promise<Buffer | undefined> =>
    readRegularFile(join(directory, path), limit)
  /** The Manifest that is nearest to a path, and where it lies. */
  const nearest = async (path: string): Promise<readonly [string, Checksums]> => {
    let at: readonly [string, Checksums] = ['', manifests.get('') ?? new Map()]
    for (let depth = 0; depth < DEPTH_LIMIT; depth++) {
      const [place, checksums] = at
      const below = path.slice(place.length)
      const next = [...checksums.keys()].find(
        each =>
          /\/Manifest(?:\.(?:gz|xz|bz2|zst))?$/.test(each) &&
          below.startsWith(each.slice(0, each.lastIndexOf('/') + 1)) &&
          below !== each,
      )
      if (next === undefined) return at
      const deeper = `${place}${next.slice(0, next.lastIndexOf('/') + 1)}`
      let known = manifests.get(deeper)
      if (known === undefined) {
        const bytes = await read(`${place}${next}`, MANIFEST_LIMIT)
        if (bytes === undefined) throw new BuildError(`${printable(`${place}${next}`)} is missing`)
        assertListed(`${place}${next}`, bytes, checksums.get(next))
        known = checksumsIn((await unpacked(bytes, MANIFEST_LIMIT)).toString('utf8'))
        manifests.set(deeper, known)
      }
      at = [deeper, known]
    }
    return at
  }
  return {
    signer,
    read: async (path, limit) => {
      const bytes = await read(path, limit)
      if (bytes === undefined) return undefined
      const [place, checksums] = await nearest(path)
      assertListed(path, bytes, checksums.get(path.slice(place.length)))
      return bytes
    },
  }
}
