import { PassphraseError } from '../crypto/passphrase.ts'
import { SignerError } from '../crypto/signers/signer-error.ts'
import { ExpressionError } from '../expressions/expression-error.ts'
import { FileError } from '../files/regular-file.ts'
import { detachedStatus } from '../packaging/detached-words.ts'
import { BadSignatureError, PackagingError } from '../packaging/packaging-error.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { StoreError } from '../store/store-error.ts'
import { UnsupportedDerivationError } from '../verifier/stored-derivation.ts'
import type { Status } from './status.ts'

/**
 * What an error means to whoever called: a status and text without a stack; undefined for a fault
 * of nixsig's own.
 */
export function explainError(error: unknown): { status: Status; text: string } | undefined {
  if (error instanceof BadSignatureError)
    return { status: detachedStatus(error.results), text: error.message }
  if (error instanceof StoreError) return { status: 20, text: error.message }
  const isForeseen =
    error instanceof PackagingError ||
    error instanceof ExpressionError ||
    error instanceof PolicyError ||
    error instanceof FileError ||
    error instanceof FormatError ||
    error instanceof PassphraseError ||
    error instanceof SignerError ||
    error instanceof UnsupportedDerivationError
  if (isForeseen) return { status: 2, text: error.message }
  if (error instanceof Error && 'syscall' in error) return { status: 2, text: printable(error.message) }
  return undefined
}
