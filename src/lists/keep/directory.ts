/**
 * A keeper's directory. It goes from machine to machine through git and mail, so whatever lies in
 * it may be hostile: symbolic links and pipes are refused, and every file has a limit.
 *
 *     list.json, certificates/           the list as it is being edited
 *     teams/NAME/list.json, …            the parts of teams
 *     keepers.json                       who signs what, as it is being edited
 *     pending/ROLE/metadata.json         what is to be signed
 *     pending/ROLE/KEYID.sig             a signature over it: 128 hexadecimal digits
 *     metadata/, targets/                what was published: the same files that users get
 */
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { namesIn } from '../../files/names-in.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'

/** Names that one directory may have. */
const NAME_LIMIT = 100_000

/** A file below a directory, by its path with slashes; undefined if absent. Throws FileError. */
export function readWithin(directory: string, path: string, limit: number): Buffer | undefined {
  assertPlainDirectories(directory, path)
  return readRegularFile(join(directory, path), limit)
}

/** Like readWithin. Throws FileError also if the file is absent. */
export function needWithin(directory: string, path: string, limit: number): Buffer {
  const bytes = readWithin(directory, path, limit)
  if (bytes === undefined) throw new FileError(`${path} is absent from ${printable(directory)}`)
  return bytes
}

/** The names in a directory below another; none if it is absent. Throws FileError. */
export function namesWithin(directory: string, path: string): readonly string[] {
  assertPlainDirectories(directory, `${path}/x`)
  const names = namesIn(join(directory, path))
  if (names.length > NAME_LIMIT) throw new FileError(`${printable(join(directory, path))} has too many files`)
  return names
}

/**
 * Writes a file of others' concern (0644) below a directory: whole or not at all, also after a
 * power failure. Throws FileError for a link in its way.
 */
export function writeWithin(directory: string, path: string, contents: Uint8Array | string): void {
  assertPlainDirectories(directory, path)
  mkdirSync(join(directory, dirname(path)), { recursive: true, mode: 0o755 })
  writeDurably(join(directory, path), contents, { flush: true, mode: 0o644 })
}

/** Removes a directory below another with what is in it. Throws FileError for a link in its way. */
export function removeWithin(directory: string, path: string): void {
  assertPlainDirectories(directory, path)
  rmSync(join(directory, path), { recursive: true, force: true })
}

/** Everything between the directory and a file has to be a directory, or absent. */
function assertPlainDirectories(directory: string, path: string): void {
  const segments = path.split('/')
  for (let depth = 1; depth < segments.length; depth++) {
    const place = join(directory, ...segments.slice(0, depth))
    const status = lstatSync(place, { throwIfNoEntry: false })
    if (status === undefined) return
    if (!status.isDirectory()) throw new FileError(`${printable(place)} is not a directory`)
  }
}
