import { checkTrustedRoot, TRUSTED_ROOT_LIMIT } from '../formats/sigstore/trusted-root.ts'
import { sigstoreIdentity } from '../policy/language/sigstore-key.ts'
import type { SigstoreKey } from '../policy/policy.ts'
import { readArgumentFile } from './file-argument.ts'
import { UsageError } from './usage-error.ts'

/** How such an argument is written, for `--help`. */
export const SIGSTORE_ARGUMENT = 'sigstore:SUBJECT,ISSUER,TRUSTED_ROOT'

/**
 * Who is meant by `sigstore:SUBJECT,ISSUER,TRUSTED_ROOT`: the subject may have commas, the issuer (a URL) and the name of
 * the file may not. Undefined if the argument does not begin like this. Throws UsageError if it is of another form, and
 * FormatError and FileError for a file that is no trusted root.
 */
export function sigstoreKeyOf(argument: string): SigstoreKey | undefined {
  if (!argument.startsWith('sigstore:')) return undefined
  const [, subject, issuer, file] = /^sigstore:(.+),(https?:\/\/[^\s,]+),([^,]+)$/s.exec(argument) ?? []
  if (subject === undefined || issuer === undefined || file === undefined) {
    throw new UsageError(`write whom you mean as ${SIGSTORE_ARGUMENT}, the issuer with its https://`)
  }
  const { path, bytes } = readArgumentFile(file, TRUSTED_ROOT_LIMIT)
  checkTrustedRoot(bytes)
  return { kind: 'sigstore', ...sigstoreIdentity(subject, issuer), trustedRoot: path }
}
