import type { Signer } from '../../crypto/signers/signer.ts'
import { LEVEL } from '../../formats/in-toto/predicates/verification-summary.ts'
import { isDerivationPath, parseStorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import type { StoredDerivation } from '../../verifier/derivation-parts.ts'
import { readDerivation } from '../../verifier/stored-derivation.ts'
import { PackagingError } from '../packaging-error.ts'
import { type Attested, keepAttestation } from './keep.ts'
import { summaryLine } from './lines.ts'

/**
 * Whose word it is, and whether it is about everything that the derivation is built from as well.
 */
export interface DerivationWord {
  readonly as: 'packager' | 'packager of the graph' | 'reviewer'
  /** Seconds since 1970. */
  readonly now: number
}

const LEVELS = {
  packager: LEVEL.packaged,
  'packager of the graph': LEVEL.packagedGraph,
  reviewer: LEVEL.reviewed,
} as const

/**
 * A derivation in the store, to attest. Throws PackagingError for another path, FileError and
 * FormatError.
 */
export function derivationToAttest(path: string): StoredDerivation {
  if (isDerivationPath(parseStorePath(path))) return readDerivation(path)
  throw new PackagingError(
    'wrong-kind',
    `${printable(path)} is not a derivation (nix-store --query --deriver tells which one made it)`,
  )
}

/** A packager's or a reviewer's word about one derivation. */
export async function attestDerivation(
  { path, narHash }: StoredDerivation,
  { as, now }: DerivationWord,
  { signer, out }: { readonly signer: Signer; readonly out: string },
): Promise<Attested> {
  const level = LEVELS[as]
  const contents = { path: path.path, narHash, file: path.path }
  const line = await summaryLine(signer, contents, { level, inputs: [] }, now)
  const role = as === 'reviewer' ? 'reviewer' : 'packager'
  return keepAttestation(out, path.path, { line, says: `as ${role}, ${level}` })
}
