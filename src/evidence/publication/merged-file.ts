import { FileError } from '../../files/regular-file.ts'
import { narFingerprint, parseNarinfo, printNarinfo } from '../../formats/nix/narinfo.ts'
import { PUBLISHED_FILE_LIMIT } from '../../formats/publication.ts'
import { LINE_COUNT_LIMIT } from '../attestation-files.ts'
import { isLines, linesOf } from './validate.ts'

/**
 * Merges a published file with the new content of another file of the same name. Attestations are
 * appended: nobody else can have published the existing ones, and leaving one out does not withdraw
 * it. Signatures of a narinfo are added. Undefined if the two cannot be in one file. Throws
 * FormatError if one is malformed, and FileError if the result is too large.
 */
export function mergedFile(name: string, present: Buffer, bytes: Buffer): Buffer | undefined {
  if (present.equals(bytes)) return present
  if (isLines(name)) return mergedLines(name, present, bytes)
  return name.endsWith('.narinfo') ? mergedNarinfo(present, bytes) : undefined
}

function mergedLines(name: string, present: Buffer, bytes: Buffer): Buffer {
  const lines = new Set([...linesOf(present), ...linesOf(bytes)])
  const merged = Buffer.from([...lines].map(line => `${line}\n`).join(''), 'utf8')
  if (lines.size <= LINE_COUNT_LIMIT && merged.length <= PUBLISHED_FILE_LIMIT) return merged
  throw new FileError(
    `${name} would have more than ${LINE_COUNT_LIMIT} lines or ${PUBLISHED_FILE_LIMIT} bytes`,
  )
}

/** Two narinfos that contradict each other both have to be seen, so they are not merged. */
function mergedNarinfo(present: Buffer, bytes: Buffer): Buffer | undefined {
  const [one, other] = [parseNarinfo(present.toString('utf8')), parseNarinfo(bytes.toString('utf8'))]
  if (narFingerprint(one) !== narFingerprint(other)) return undefined
  const signatures = [...new Set([...one.signatures, ...other.signatures])].sort()
  const merged = Buffer.from(printNarinfo({ ...one, signatures }), 'utf8')
  parseNarinfo(merged.toString('utf8'))
  return merged
}
