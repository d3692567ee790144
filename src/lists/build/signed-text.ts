import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withOpenedFile } from '../../crypto/detached/opened-file.ts'
import { certificateFingerprints } from '../../crypto/openpgp/certificate.ts'
import { verifyOpenPgp } from '../../crypto/openpgp/verify.ts'
import { readNamedFile } from '../../files/named-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { parseCleartext } from '../../formats/openpgp/cleartext.ts'
import { printable } from '../../primitives/printable.ts'
import { BuildError } from './build-error.ts'

const KEYRING_LIMIT = 4 * 1024 * 1024

/** A text that a distribution signed. */
export interface SignedText {
  readonly text: string
  /** The fingerprint of the primary key that signed it. */
  readonly signer: string
}

/**
 * Verifies a clear-signed file with a keyring of the distribution's keys, as of now. Throws
 * BuildError if none of them made a good signature, and FormatError or FileError if one of the two
 * cannot be read.
 */
export async function verifiedText(file: Uint8Array, what: string, keyring: string): Promise<SignedText> {
  const { text, signed, signature } = parseCleartext(file)
  const { path, bytes } = readNamedFile(keyring, KEYRING_LIMIT)
  const directory = makeScratch('openpgp', '/tmp')
  const problems: string[] = []
  try {
    const data = join(directory, 'signed')
    writeFileSync(data, signed)
    for (const fingerprint of certificateFingerprints(bytes)) {
      const results = await withOpenedFile(data, opened =>
        verifyOpenPgp({ file: opened, signature, certificate: path, fingerprint, form: 'text' }),
      )
      if (results.some(({ kind }) => kind === 'good')) return { text, signer: fingerprint }
      for (const result of results)
        if (result.kind !== 'unknown-signer' && result.kind !== 'good')
          problems.push(`${fingerprint}: ${result.kind}, ${result.detail}`)
    }
  } finally {
    removeScratch(directory)
  }
  const found = problems.length === 0 ? 'none of its keys signed it' : problems.join('; ')
  throw new BuildError(`${what} has no good signature by a key in ${printable(keyring)}: ${found}`)
}
