import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { isPartial, syncDirectory, writeDurably, writeWhole } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { removeFile } from '../../files/remove-file.ts'
import { CERTIFICATE_LIMIT } from '../../formats/lists/listed.ts'
import { printable } from '../../primitives/printable.ts'
import { reasonOf } from '../../primitives/system-error-words.ts'
import { type BookContents, contentsOf, type NewBook } from './contents.ts'
import { BOOK_FORMAT } from './layout.ts'
import { certificateFile, openTables } from './read.ts'

export type { BookPart, NewBook } from './contents.ts'

/** Whoever judges may read what anybody can fetch. */
const READABLE = 0o644

/**
 * Writes `book` and its certificates below `directory`, `<state>/lists/NAME`, and returns its digest:
 * the same for the same content. At every moment, also of a crash, the old book or the new one is
 * there, whole and with its certificates. Those of the book before stay until the next update, for
 * whoever still reads it. Throws FormatError for what contentsOf refuses, and FileError if something
 * cannot be written: then the old book stays.
 */
export function writeBook(directory: string, book: NewBook): string {
  const contents = contentsOf(book)
  try {
    write(directory, book, contents)
  } catch (error) {
    if (!isOfSystem(error)) throw error
    const [place, name] = [printable(directory), printable(book.name)]
    throw new FileError(
      `cannot write the book of ${name} in ${place}: ${reasonOf(error)}; the one before stays in force: mend that, then "nixsig trust update ${name}"`,
      { cause: error },
    )
  }
  return contents.digest
}

function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

/** The digest that `writeBook` would return. Throws FormatError as it does, and writes nothing. */
export function digestOfBook(book: Pick<NewBook, 'name' | 'parts'>): string {
  return contentsOf(book).digest
}

function write(directory: string, book: NewBook, { tables, certificates, digest }: BookContents): void {
  const file = join(directory, 'book')
  const kept = join(directory, 'certificates')
  const before = certificatesOf(file, book.name)
  mkdirSync(kept, { recursive: true, mode: 0o755 })
  chmodSync(kept, 0o755)
  for (const [name, bytes] of certificates) {
    const place = certificateFile(file, name)
    if (!isWritten(place, bytes)) writeWhole(place, bytes, { flush: true, mode: READABLE })
  }
  // The names of the certificates, and of the directories that were made for them.
  for (const each of [kept, directory, dirname(directory), dirname(dirname(directory))]) syncDirectory(each)
  const { version, ends, seen } = book
  const header = `${BOOK_FORMAT} ${digest} ${tables.length} ${version} ${ends} ${seen} `
  const sum = crc32(header).toString(16).padStart(8, '0')
  const whole = Buffer.concat([Buffer.from(`${header}${sum}\n`), tables])
  writeDurably(file, whole, { flush: true, mode: READABLE })
  const used = new Set([...certificates.keys(), ...before].map(name => `${name}.pgp`))
  for (const name of readdirSync(kept)) if (!used.has(name)) removeFile(join(kept, name))
  for (const name of readdirSync(directory))
    if (name.startsWith('book.') && isPartial(name)) removeFile(join(directory, name))
}

/** The certificates of the book that is there; none if it cannot be read. */
function certificatesOf(file: string, name: string): readonly string[] {
  try {
    const { tables, guard } = openTables(file, name)
    return guard(() => [...tables.certificates].map(({ key }) => key.toString('hex')))
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

function isWritten(file: string, bytes: Uint8Array): boolean {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status?.isFile() !== true || status.size !== bytes.length) return false
  return readOwnedFile(file, CERTIFICATE_LIMIT)?.equals(bytes) === true
}
