import type { Signer } from '../../crypto/signers/signer.ts'
import { printable } from '../../primitives/printable.ts'
import type { PathInfo } from '../../store/store-client.ts'
import type { Output } from '../../verifier/derivation-parts.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { referencesFound } from '../../verifier/look-into.ts'
import { inputsFound } from '../attest/attest-output.ts'
import { type Attested, keepAttestation } from '../attest/keep.ts'
import { provenanceLine } from '../attest/lines.ts'
import { validContents } from '../contents.ts'
import { PackagingError } from '../packaging-error.ts'

/** An output that was built again, with what the store registered about it before. */
export interface Reproduced {
  readonly output: Output
  readonly before: PathInfo
}

/** Who attests, with what, and when. */
export interface AttestingReproduced {
  readonly signer: Signer
  readonly inquiry: Inquiry
  /** Directory of attestations. */
  readonly out: string
  /** Seconds since 1970. */
  readonly now: number
}

/**
 * A builder's word about an output that was built again and came out the same: about the bytes that
 * are on the disk now, which must be those that the store registered before and after. Throws
 * PackagingError if they are not.
 */
export async function attestReproduced(
  { output, before }: Reproduced,
  { signer, inquiry, out, now }: AttestingReproduced,
): Promise<Attested> {
  const { path } = output.path
  const store = await inquiry.store()
  const { contents, info } = await validContents(store, path)
  if (info.narHash !== before.narHash) {
    throw new PackagingError(
      'altered',
      `${printable(path)} was replaced while it was built again; next: call again`,
    )
  }
  const { path: derivation } = output.derivation.path
  const inputs = await inputsFound(store, output)
  const build = { derivation, output: output.name, inputs, reproduced: true } as const
  const seen = { ...contents, ...(await referencesFound(inquiry, output, info)) }
  const line = await provenanceLine(signer, seen, build, now)
  return keepAttestation(out, path, { line, says: `as builder, reproduced from ${printable(derivation)}` })
}
