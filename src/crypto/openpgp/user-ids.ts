import { realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { TAG } from '../../formats/openpgp/packets.ts'
import type { OpenPgpKey } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { findCertificate } from './certificate.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * The user ids of a certificate, such as `Alice <alice@example.org>`, in their order: those that
 * its own key signed and did not revoke, so that nobody else can have added one. Not escaped. Empty
 * where the certificate cannot be read.
 */
export function userIdsOf({ certificate, fingerprint }: OpenPgpKey): readonly string[] {
  try {
    const bytes = readRegularFile(realpathSync(certificate), CERTIFICATE_LIMIT)
    const found = bytes && findCertificate(bytes, fingerprint)
    const users = found?.verified().users ?? []
    const own = users.filter(
      ({ tag, statements, revocations }) =>
        tag === TAG.userId && revocations.length === 0 && statements.some(({ isVerified }) => isVerified),
    )
    return own.map(({ id }) => Buffer.from(id).toString('utf8')).filter(id => id.trim() !== '')
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return []
    if (error instanceof Error && 'syscall' in error) return []
    throw error
  }
}
