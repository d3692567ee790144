import { PassphraseError } from '../crypto/passphrase.ts'
import { SignerError } from '../crypto/signers/signer-error.ts'
import { ExpressionError } from '../expressions/expression-error.ts'
import { ArgumentError, FileError } from '../files/regular-file.ts'
import { detachedStatus } from '../packaging/detached-words.ts'
import { BadSignatureError, PackagingError } from '../packaging/packaging-error.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import { FormatError } from '../primitives/format-error.ts'
import { BY_ROOT, withNextStep } from '../primitives/next-step.ts'
import { withSystemErrorsInWords, wordsOfSystemError } from '../primitives/system-error-words.ts'
import { stepAfterSystemError } from '../primitives/system-steps.ts'
import { StoreError } from '../store/store-error.ts'
import { UnsupportedDerivationError } from '../verifier/stored-derivation.ts'
import type { Status } from './exit-status.ts'

/**
 * What an error means to whoever called: a status and text without a stack; undefined for a fault
 * of nixsig's own. `help`: the command that explains the call.
 */
export function explainError(error: unknown, help: string): { status: Status; text: string } | undefined {
  const found = statusOf(error)
  if (found === undefined) return undefined
  const text = withSystemErrorsInWords(found.text)
  return { status: found.status, text: withNextStep(text, stepAfter(error, help)) }
}

function statusOf(error: unknown): { status: Status; text: string } | undefined {
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
  const system = wordsOfSystemError(error)
  return system === undefined ? undefined : { status: 2, text: system }
}

/** What to do next where the message does not say: by what kind of thing was wrong. */
function stepAfter(error: unknown, help: string): string {
  if (error instanceof ArgumentError || error instanceof ExpressionError) return help
  if (error instanceof BadSignatureError) return 'get the file and its signature anew from their origin'
  if (error instanceof PolicyError) return 'correct the policy, then: nixsig policy check'
  if (error instanceof StoreError) return `try again, then, ${BY_ROOT}: nixsig doctor`
  if (error instanceof PassphraseError || error instanceof SignerError)
    return 'call again with the right key, signer or passphrase'
  if (error instanceof UnsupportedDerivationError) return `nixsig explain ${error.path}`
  const system = error instanceof Error ? stepAfterSystemError(messageOf(error)) : undefined
  if (system !== undefined) return system
  return `correct what it names, or get it anew, and call again; if it is nixsig's own, ${BY_ROOT}: nixsig doctor`
}

/**
 * With the name of the error in front, which Node leaves to `code` where it asked for an address.
 */
function messageOf(error: Error): string {
  return 'code' in error && 'syscall' in error ? `${error.code}: ${error.message}` : error.message
}
