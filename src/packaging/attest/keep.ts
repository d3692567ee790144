import { attestationFile } from '../../evidence/attestation-file.ts'
import { appendAttestation } from '../../evidence/attestation-files.ts'

/** An attestation in a directory of attestations. */
export interface Attested {
  /** The store path that it is about. */
  readonly path: string
  /** In which role, and what it says; for people, fit for a terminal. */
  readonly says: string
  /** The file that holds it. */
  readonly file: string
  /** False if this very line was there before. */
  readonly isNew: boolean
}

/** Adds a signed line to a directory of attestations. Throws FileError and FormatError. */
export function keepAttestation(
  out: string,
  path: string,
  { line, says }: { readonly line: string; readonly says: string },
): Attested {
  const isNew = appendAttestation(out, path, line)
  return { path, says, file: attestationFile(out, path), isNew }
}
