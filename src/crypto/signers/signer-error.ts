/** A signer that is not there, does not answer, refuses, or signs what nobody would accept. */
export class SignerError extends Error {
  override readonly name = 'SignerError'
}
