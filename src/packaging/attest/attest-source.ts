/** What developers, packagers and reviewers say of a source: checked, signed and kept. */
import type { Signer } from '../../crypto/signers/signer.ts'
import { keepSignature } from '../../evidence/signature-files.ts'
import { LEVEL } from '../../formats/in-toto/predicates/verification-summary.ts'
import type { Key } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { detachedWords } from '../detached-words.ts'
import { checkDeveloperSignature, type Measure, type SignatureFiles } from './checked-signature.ts'
import { checkGitSignature, type GitPlace } from './git-signature.ts'
import { type Attested, keepAttestation } from './keep.ts'
import { releaseLine, summaryLine } from './lines.ts'

/** What somebody says of a source, in which role. */
export type SourceWord =
  | { readonly as: 'reviewer' }
  | {
      readonly as: 'developer'
      /** The release, as a package URL with a version. */
      readonly purl: string
    }
  | {
      readonly as: 'packager'
      /** Why, where there is no developer's signature to check. */
      readonly reason: string
    }
  | ({ readonly as: 'packager' } & SignedSource)

/** A developer's signature to check first. */
export interface SignedSource {
  /** Files of the signature, or the git revision that is signed. */
  readonly signature: SignatureFiles | GitPlace
  /** The keys to check it with. */
  readonly keys: readonly Key[]
}

/** One source to attest. */
export interface Attesting {
  readonly signer: Signer
  /** Reads and hashes the source. */
  readonly measure: Measure
  /** Directory of attestations. */
  readonly out: string
  /** Seconds since 1970. */
  readonly now: number
}

/** An attestation, and the developers' signatures that it rests on, in words fit for a terminal. */
export interface AttestedSource extends Attested {
  readonly developers: readonly string[]
}

/**
 * Attests one source, after checking what its word rests on. Throws PackagingError if the contents
 * or the developer's signature do not allow it, and FileError and FormatError.
 */
export async function attestSource(word: SourceWord, attesting: Attesting): Promise<AttestedSource> {
  const { signer, measure, out, now } = attesting
  if ('signature' in word) return attestSigned(word, attesting)
  const contents = await measure()
  if (word.as === 'developer') {
    const line = await releaseLine(signer, contents, word.purl)
    const kept = keepAttestation(out, contents.path, { line, says: 'as developer, a release' })
    return { ...kept, developers: [] }
  }
  const level = word.as === 'reviewer' ? LEVEL.reviewed : LEVEL.packaged
  const remark = word.as === 'packager' ? { remark: word.reason } : {}
  const line = await summaryLine(signer, contents, { level, inputs: [], ...remark }, now)
  const kept = keepAttestation(out, contents.path, { line, says: `as ${word.as}, ${level}` })
  return { ...kept, developers: [] }
}

/** A signature in a git repository stays there: who has the files alone cannot check it. */
async function attestSigned(
  { signature: place, keys }: SignedSource,
  attesting: Attesting,
): Promise<AttestedSource> {
  const { signer, measure, out, now } = attesting
  const level = LEVEL.developerSignatureChecked
  const says = `as packager, ${level}`
  if ('revision' in place) {
    const contents = await measure()
    const { title, results, inputs } = await checkGitSignature(place, contents, keys)
    const line = await summaryLine(signer, contents, { level, inputs, remark: title }, now)
    const developers = results.map(result => `${detachedWords(result)} (${printable(title)})`)
    return { ...keepAttestation(out, contents.path, { line, says }), developers }
  }
  const { contents, signature } = await checkDeveloperSignature(measure, place, keys)
  const line = await summaryLine(signer, contents, { level, inputs: signature.inputs }, now)
  // The signature first: whoever finds the attestation must find what it rests on.
  keepSignature(out, contents.path, signature)
  return { ...keepAttestation(out, contents.path, { line, says }), developers: signature.signers }
}
