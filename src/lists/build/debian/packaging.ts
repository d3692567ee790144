import { readTar } from '../tar.ts'
import { unpacked } from '../unpack.ts'
import { readWatch, type WatchedSource } from './watch.ts'

/** Limits in bytes: of debian.tar.*, and of what comes out. */
export const PACKAGING_LIMIT = 32 * 1024 * 1024
const UNPACKED_LIMIT = 128 * 1024 * 1024

const KEY_FILE = /^debian\/(?:upstream\/)?(?:upstream-)?signing-key\.(?:asc|pgp|gpg)$/
const WATCH = 'debian/watch'

/** What a package's debian.tar says about its developers. */
export interface Packaging {
  readonly keyFiles: readonly Uint8Array[]
  /** Undefined without debian/watch. */
  readonly watch: readonly WatchedSource[] | undefined
}

/** Reads debian.tar.*. Throws DecompressionError and FormatError for a malformed one. */
export async function readPackaging(file: Uint8Array, packageName: string): Promise<Packaging> {
  const tar = await unpacked(file, UNPACKED_LIMIT)
  const files = readTar(tar, name => name === WATCH || KEY_FILE.test(name))
  const watch = files.find(({ name }) => name === WATCH)
  return {
    keyFiles: files.filter(({ name }) => name !== WATCH).map(({ contents }) => contents),
    watch: watch && readWatch(Buffer.from(watch.contents).toString('utf8'), packageName),
  }
}
