/**
 * Exit statuses. A verdict has one of src/policy/exit-code.ts: 0 trusted, 10 unsigned, 11 unknown signer, 12
 * threshold not met or refused by the rule, 13 bad signature, other contents or conflict, 14 revoked or expired, 20
 * undecided. Beside those there are the two below.
 */
import { PassphraseError } from '../crypto/passphrase.ts'
import { SignerError } from '../crypto/signers/signer-error.ts'
import { FileError } from '../files/regular-file.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { StoreError } from '../store/store-error.ts'
import { UnsupportedDerivationError } from '../verifier/stored-derivation.ts'
import { BadSignatureError } from './attest/checked-signature.ts'
import { detachedStatus } from './detached-words.ts'
import { UsageError } from './usage-error.ts'

/**
 * 1: the doctor found an open door. 2: the call, the policy or a file that was named is wrong. 70: a fault of nixsig
 * itself.
 */
export type Status = ExitCode | 1 | 2 | 70

/** Of several, the first of these. An undecided path comes last: what is refused for certain says more. */
const SEVERITY: readonly ExitCode[] = [13, 14, 12, 11, 10, 20]

/** The status of several verdicts: the most severe one, in the order 13, 14, 12, 11, 10, 20, 0. */
export function mostSevere(codes: readonly ExitCode[]): ExitCode {
  return SEVERITY.find(code => codes.includes(code)) ?? 0
}

/** What an error means to whoever called: a status and text without a stack; undefined for a fault of nixsig's own. */
export function explainError(error: unknown): { status: Status; text: string } | undefined {
  if (error instanceof BadSignatureError)
    return { status: detachedStatus(error.results), text: error.message }
  if (error instanceof StoreError) return { status: 20, text: error.message }
  const isForeseen =
    error instanceof UsageError ||
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
