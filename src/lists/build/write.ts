import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ArgumentError } from '../../files/regular-file.ts'
import { LIST_FILE, parseList } from '../../formats/lists/document.ts'
import { printList } from '../../formats/lists/print-document.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { keysOfList } from '../document/keys-of-list.ts'
import type { BuiltList } from './merge.ts'

/** Throws ArgumentError unless the directory is absent or empty: a list is built anew. */
export function assertNew(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new ArgumentError(
      `${printable(directory)} is not empty; next: name a new directory, and compare the two lists`,
    )
}

/**
 * Writes `list.json` and `certificates/FINGERPRINT.pgp` and returns the size of the first in bytes. What it writes
 * was read again as subscribers read it. Throws FormatError if they would refuse it.
 */
export function writeList(directory: string, { document, certificates }: BuiltList): number {
  const bytes = printList(document)
  const byPath = new Map([...certificates].map(([name, each]) => [`certificates/${name}.pgp`, each]))
  keysOfList(parseList(bytes, 'list'), path => {
    const found = byPath.get(path)
    if (found === undefined) throw new FormatError('list', 'no such certificate', path)
    return { path, bytes: Buffer.from(found) }
  })
  mkdirSync(join(directory, 'certificates'), { recursive: true })
  for (const [path, each] of byPath) writeFileSync(join(directory, path), each, { flag: 'wx' })
  writeFileSync(join(directory, LIST_FILE), bytes, { flag: 'wx' })
  return bytes.length
}
