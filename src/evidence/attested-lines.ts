import { parsingCost, type Work, WorkLimitError } from '../crypto/work.ts'
import { FileError } from '../files/regular-file.ts'
import { type Envelope, parseEnvelope } from '../formats/in-toto/dsse.ts'
import { FormatError } from '../primitives/format-error.ts'
import { attestationFile } from './attestation-file.ts'
import { assertAttestationDirectory, readAttestationLines } from './attestation-files.ts'

/** An unverified envelope about a store path, and where it was read. */
export interface AttestedLine {
  readonly envelope: Envelope
  readonly file: string
  /** The file and the number of the line. */
  readonly origin: string
}

interface Reading {
  readonly work: Work
  /** Records what cannot be read. Rethrows an error that is a bug of this program. */
  trouble(origin: string, error: unknown): void
}

/**
 * The envelopes that directories hold about a store path, each once. Rejects with FormatError if it
 * is not a store path.
 */
export async function readDirectories(
  directories: readonly string[],
  path: string,
  { work, trouble }: Reading,
): Promise<readonly AttestedLine[]> {
  const seen = new Set<string>()
  const found: AttestedLine[] = []
  for (const directory of directories) {
    const file = attestationFile(directory, path)
    for (const [index, line] of linesOf(directory, file, trouble).entries()) {
      if (seen.has(line)) continue
      seen.add(line)
      const origin = `${file}:${index + 1}`
      try {
        await work.spend(parsingCost(line))
        found.push({ envelope: parseEnvelope(line), file, origin })
      } catch (error) {
        trouble(error instanceof WorkLimitError ? file : origin, error)
        if (error instanceof WorkLimitError) break
      }
    }
  }
  return found
}

function linesOf(directory: string, file: string, trouble: Reading['trouble']): readonly string[] {
  try {
    assertAttestationDirectory(directory)
    return readAttestationLines(file) ?? []
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof FileError)) throw error
    trouble(file, error)
    return []
  }
}
