import { FileError } from '../../files/regular-file.ts'
import { narFingerprint, parseNarinfo, printNarinfo } from '../../formats/nix/narinfo.ts'
import { PUBLISHED_FILE_LIMIT } from '../../formats/publication.ts'
import { LINE_COUNT_LIMIT } from '../attestation-files.ts'
import { isLines, linesOf } from './validate.ts'

/**
 * A published file with what is new in another of its name: attestations behind those that are there, which nobody else
 * can have published and nobody takes back by forgetting them; signatures of a narinfo beside those that are there.
 * Undefined if they cannot be in one file. Throws FormatError if one is broken, and FileError if it gets too large.
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

/** Of two that say different things of a path each has to be seen: they are not merged. */
function mergedNarinfo(present: Buffer, bytes: Buffer): Buffer | undefined {
  const [one, other] = [parseNarinfo(present.toString('utf8')), parseNarinfo(bytes.toString('utf8'))]
  if (narFingerprint(one) !== narFingerprint(other)) return undefined
  const signatures = [...new Set([...one.signatures, ...other.signatures])].sort()
  const merged = Buffer.from(printNarinfo({ ...one, signatures }), 'utf8')
  parseNarinfo(merged.toString('utf8'))
  return merged
}
