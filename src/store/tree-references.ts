import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readRegularFile } from '../files/regular-file.ts'
import { FormatError } from '../primitives/format-error.ts'

/** What is looked at of one tree, and found in it. */
const ENTRY_LIMIT = 100_000
const BYTES_LIMIT = 64 * 1024 * 1024
const FOUND_LIMIT = 10_000

const REFERENCE = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]{1,211}/g

/**
 * The store paths that a file or directory names in its files and symbolic links: a guess at what it refers to, for
 * whoever can tell whether the guess is right. Throws FormatError for a tree that is too large, and FileError.
 */
export function storePathsNamedIn(path: string): readonly string[] {
  const found = new Set<string>()
  const todo = [path]
  let bytes = 0
  for (const [index, next] of todo.entries()) {
    if (index >= ENTRY_LIMIT) throw new FormatError('tree', 'has too many files', path)
    const status = lstatSync(next)
    if (status.isDirectory()) {
      for (const name of readdirSync(next)) todo.push(join(next, name))
      continue
    }
    bytes += status.size
    if (bytes > BYTES_LIMIT) throw new FormatError('tree', 'has too many bytes', path)
    for (const reference of namedIn(textOf(next, status.isSymbolicLink()))) found.add(reference)
    if (found.size > FOUND_LIMIT) throw new FormatError('tree', 'names too many store paths', path)
  }
  return [...found]
}

/** The store paths that a text names. */
function namedIn(text: string): Iterable<string> {
  return Array.from(text.matchAll(REFERENCE), ([reference]) => reference)
}

function textOf(path: string, isLink: boolean): string {
  if (isLink) return readlinkSync(path, 'latin1')
  return readRegularFile(path, BYTES_LIMIT)?.toString('latin1') ?? ''
}
