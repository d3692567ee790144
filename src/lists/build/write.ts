import { existsSync, readdirSync } from 'node:fs'
import { ArgumentError } from '../../files/regular-file.ts'
import { LIST_FILE, LIST_LIMIT, type ListDocument, parseList } from '../../formats/lists/document.ts'
import { printList } from '../../formats/lists/print-document.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { keysOfList } from '../document/keys-of-list.ts'
import { readWithin, writeWithin } from '../keep/directory.ts'
import type { BuiltList } from './merge.ts'

/**
 * The list that a directory has, to build the next state of it; undefined if the directory is
 * absent or empty. Throws ArgumentError for a directory with anything else, or with a list that
 * people vouch for.
 */
export function listBefore(directory: string): ListDocument | undefined {
  if (!existsSync(directory) || readdirSync(directory).length === 0) return undefined
  const bytes = readWithin(directory, LIST_FILE, LIST_LIMIT)
  if (bytes === undefined)
    throw new ArgumentError(
      `${printable(directory)} is not empty, and has no ${LIST_FILE}; next: name a new directory`,
    )
  const document = parseList(bytes, 'list')
  if (document.says === 'extracted') return document
  throw new ArgumentError(
    `the list in ${printable(directory)} says "vouched", and a program vouches for nothing; next: name another directory`,
  )
}

/**
 * Writes `list.json` and `certificates/FINGERPRINT.pgp` and returns the size of the first in bytes.
 * What it writes was read again as subscribers read it. Throws FormatError if they would refuse it.
 */
export function writeList(directory: string, { document, certificates }: BuiltList): number {
  const bytes = printList(document)
  const byPath = new Map([...certificates].map(([name, each]) => [`certificates/${name}.pgp`, each]))
  keysOfList(parseList(bytes, 'list'), path => {
    const found = byPath.get(path)
    if (found === undefined) throw new FormatError('list', 'does not have this certificate', path)
    return { path, bytes: Buffer.from(found) }
  })
  for (const [path, each] of byPath) writeWithin(directory, path, each)
  writeWithin(directory, LIST_FILE, bytes)
  return bytes.length
}
