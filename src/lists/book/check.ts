import { createHash } from 'node:crypto'
import type { Book } from '../../policy/lists/book.ts'
import { openBook, openTables } from './read.ts'

const PIECE = 1024 * 1024

/**
 * Reads all of a book, as whoever judges does not: that its contents have the digest that its first
 * line says, and that everything in it can be looked up, certificates included. Takes a second for a
 * large one. Returns it. Throws FileError as openBook does.
 */
export function checkBook(file: string, name: string): Book {
  const { guard, header, held, tables, unreadable } = openTables(file, name)
  guard(() => {
    const hash = createHash('sha256')
    for (let at = header.at; at < held.size; at += PIECE)
      hash.update(held.read(at, Math.min(PIECE, held.size - at)))
    if (hash.digest('hex') !== header.digest) throw unreadable('has other contents than its first line says')
  })
  const book = openBook(file, name)
  const names = guard(() =>
    [tables.principals, tables.groups].map(table => [...table].map(({ key }) => `${key}`)),
  )
  for (const who of names[0] ?? []) book.principal(who)
  for (const who of names[1] ?? []) book.group(who)
  return book
}
