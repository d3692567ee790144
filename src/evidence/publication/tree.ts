import { type Dirent, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial } from '../../files/durable-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { INDEX, isPartName, limitOf, parsePublishedName, partOf } from '../../formats/publication.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { assertPublishable } from './validate.ts'

/** The file that is locked while a publication is written. */
export const LOCK = '.lock'

/** What may be in a directory of attestations and is not published. */
const LEFT_OUT: readonly string[] = ['.git', INDEX, LOCK]

/**
 * The sorted names of all files in a directory of attestations, without a publication's lists and a
 * writer's partial files. Anything else in it, above all a symbolic link, is a FileError: nobody
 * meant to publish it.
 */
export function publishedNames(directory: string): readonly string[] {
  const names: string[] = []
  for (const part of entriesOf(directory)) {
    if (isPartial(part.name) || LEFT_OUT.includes(part.name)) continue
    if (!part.isDirectory() || !isPartName(part.name)) throw foreign(join(directory, part.name))
    for (const file of entriesOf(join(directory, part.name))) {
      if (isPartial(file.name) || file.name === INDEX) continue
      const isPublished = parsePublishedName(file.name) !== undefined && partOf(file.name) === part.name
      if (!file.isFile() || !isPublished) throw foreign(join(directory, part.name, file.name))
      names.push(file.name)
    }
  }
  return names.sort()
}

/** The path of a file of this name in a publication or a directory of attestations. */
export function fileOf(directory: string, name: string): string {
  return join(directory, partOf(name), name)
}

/** The bytes of such a file; undefined if it is absent. Throws FileError. */
export function readFile(file: string): Buffer | undefined {
  return readRegularFile(file, limitOf(file))
}

/** The bytes of such a file. Throws FileError if it cannot be published. */
export function readValid(directory: string, name: string): Buffer {
  const file = fileOf(directory, name)
  const bytes = readFile(file)
  if (bytes === undefined) throw new FileError(`${printable(file)} went away while it was read`)
  try {
    assertPublishable(name, bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FileError(`${printable(file)} is broken: ${error.message}: nothing was published`)
  }
  return bytes
}

/** Removes the partial files of killed writers, and parts that have no files (any longer). */
export function removeLeftovers(directory: string, isPart: (name: string) => boolean): void {
  for (const { name } of entriesOf(directory)) {
    const path = join(directory, name)
    if (isPartial(name) || (isPartName(name) && !isPart(name))) rmSync(path, { recursive: true })
    else if (isPartName(name)) removePartials(path)
  }
}

function removePartials(part: string): void {
  for (const { name } of entriesOf(part)) if (isPartial(name)) rmSync(join(part, name))
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    throw new FileError(`cannot look into ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}

function foreign(path: string): FileError {
  return new FileError(
    `${printable(path)} is not a file of attestations or signatures: nothing was published`,
  )
}
