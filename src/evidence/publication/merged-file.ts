import { FileError } from '../../files/regular-file.ts'
import { PUBLISHED_FILE_LIMIT } from '../../formats/publication.ts'
import { LINE_COUNT_LIMIT } from '../attestation-files.ts'
import { isLines, linesOf } from './validate.ts'

/**
 * A published file with what is new in another of its name: attestations behind those that are there, which nobody else
 * can have published and nobody takes back by forgetting them. Undefined for a signature that is not the same: it cannot
 * be in one file with another. Throws FormatError if what is there is broken, and FileError if it gets too large.
 */
export function mergedFile(name: string, present: Buffer, bytes: Buffer): Buffer | undefined {
  if (present.equals(bytes)) return present
  if (!isLines(name)) return undefined
  const lines = new Set([...linesOf(present), ...linesOf(bytes)])
  const merged = Buffer.from([...lines].map(line => `${line}\n`).join(''), 'utf8')
  if (lines.size <= LINE_COUNT_LIMIT && merged.length <= PUBLISHED_FILE_LIMIT) return merged
  throw new FileError(
    `${name} would have more than ${LINE_COUNT_LIMIT} lines or ${PUBLISHED_FILE_LIMIT} bytes`,
  )
}
