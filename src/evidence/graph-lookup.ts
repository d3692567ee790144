/** Questions to the index of one build graph (src/formats/approval-index.ts). */
import { readSync } from 'node:fs'
import { withOwnedFile } from '../files/owned-file.ts'
import { type GraphIndex, lookUp, openGraphIndex, type ReadAt } from '../formats/approval-index.ts'
import { FormatError } from '../primitives/format-error.ts'

/** Answers questions about one graph. */
export interface GraphLookup {
  /** The number of lines of the list. */
  readonly count: number
  /**
   * The SHA-256 that the list gives for the path with this hash part (32 characters), in hex;
   * undefined if the list does not have it.
   */
  find(digest: string): string | undefined
}

/** Asks an index in memory. Throws FormatError if it is damaged. */
export function lookupIn(bytes: Uint8Array): GraphLookup {
  const read: ReadAt = (offset, length) => bytes.subarray(offset, offset + length)
  const index = openGraphIndex(read, bytes.length)
  return { count: index.count, find: digest => lookUp(index, read, digest) }
}

/**
 * Asks an index in a file; undefined if that is absent or damaged, or is not the one that is meant.
 * Opens the file for each question: hooks ask one, and a file that is kept open could be replaced.
 * Throws FileError if others could have written it.
 */
export function lookupOnDisk(
  file: string,
  isMeant: (index: GraphIndex, read: ReadAt) => boolean,
): GraphLookup | undefined {
  const count = reading(file, isMeant, index => index.count)
  if (count === undefined) return undefined
  return {
    count,
    find: digest => reading(file, isMeant, (index, read) => ({ found: lookUp(index, read, digest) }))?.found,
  }
}

function reading<T>(
  file: string,
  isMeant: (index: GraphIndex, read: ReadAt) => boolean,
  use: (index: GraphIndex, read: ReadAt) => T,
): T | undefined {
  try {
    return withOwnedFile(file, (fd, size) => {
      const read: ReadAt = (offset, length) => {
        const bytes = Buffer.alloc(length)
        return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
      }
      const index = openGraphIndex(read, size)
      return isMeant(index, read) ? use(index, read) : undefined
    })
  } catch (error) {
    // A damaged index is made again.
    if (error instanceof FormatError) return undefined
    throw error
  }
}
