/**
 * A signer is missing, does not answer, refuses, or makes a signature that no verifier would
 * accept.
 */
export class SignerError extends Error {
  override readonly name = 'SignerError'
}
