/**
 * The packager's word about what was checked: made, and kept beside the developers' own signatures.
 */
import { keyRing, openEnvelope } from '../../crypto/envelope.ts'
import type { Signer } from '../../crypto/signers/signer.ts'
import { attestationFile } from '../../evidence/attestation-file.ts'
import { readAttestationLines } from '../../evidence/attestation-files.ts'
import { keepSignature } from '../../evidence/signature-files.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { LEVEL } from '../../formats/in-toto/predicates/verification-summary.ts'
import { otherSubjectOf, parsePredicate } from '../../formats/in-toto/predicates.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import type { StoredDerivation } from '../../verifier/derivation-parts.ts'
import { checkedInputs } from '../attest/checked-signature.ts'
import { type Attested, keepAttestation } from '../attest/keep.ts'
import { type Summary, summaryLine } from '../attest/lines.ts'
import type { Contents } from '../contents.ts'
import type { CheckedSource } from './checked-source.ts'

/** Who signs, where it goes, and when that is: seconds since 1970. */
export interface Signing {
  readonly signer: Signer
  readonly out: string
  readonly now: number
}

/**
 * Attests what was found of a source; undefined if there is nothing to attest. `reviewed`: why
 * somebody stands for what no developer's signature covers.
 */
export async function signSource(
  signing: Signing,
  checked: CheckedSource,
  reviewed?: string,
): Promise<Attested | undefined> {
  const { contents, found, revision, results, state } = checked
  if (contents === undefined || state === 'signature') return undefined
  if (state === 'signed' && revision !== undefined) {
    const { inputs, title } = revision
    return attest(signing, contents, { level: LEVEL.developerSignatureChecked, inputs, remark: title })
  }
  if (state !== 'signed' || found === undefined) {
    if (reviewed === undefined) return undefined
    return attest(signing, contents, { level: LEVEL.packaged, inputs: [], remark: reviewed })
  }
  const good = results.filter(({ outcome }) => outcome === 'good').map(({ key }) => key)
  // The signature first: whoever finds the attestation must find what it rests on.
  keepSignature(signing.out, contents.path, found)
  return attest(signing, contents, {
    level: LEVEL.developerSignatureChecked,
    inputs: checkedInputs(good, found.signature),
  })
}

/** Stands for a derivation or, with `graph`, for all that it is built from as well. */
export async function signDerivation(
  signing: Signing,
  { path, narHash }: StoredDerivation,
  { graph }: { readonly graph: boolean },
): Promise<Attested> {
  const level = graph ? LEVEL.packagedGraph : LEVEL.packaged
  return attest(signing, { path: path.path, narHash, file: path.path }, { level, inputs: [] })
}

async function attest(signing: Signing, contents: Contents, summary: Summary): Promise<Attested> {
  const { signer, out, now } = signing
  const { path } = contents
  const says = `as packager, ${summary.level}`
  if (await hasAttested(signing, contents, summary.level)) {
    return { path, says, file: attestationFile(out, path), isNew: false }
  }
  const line = await summaryLine(signer, contents, summary, now)
  return keepAttestation(out, path, { line, says })
}

/**
 * Whether this signer has attested this of these contents before: to do so again would only add a
 * line.
 */
async function hasAttested(
  { signer, out }: Signing,
  { path, narHash }: Contents,
  level: string,
): Promise<boolean> {
  const ring = keyRing([signer.key])
  for (const line of readAttestationLines(attestationFile(out, path)) ?? []) {
    const envelope = parseEnvelope(line)
    if ((await openEnvelope(envelope, ring)).signers.length === 0) continue
    const statement = parseStatement(envelope.payload)
    const about = statement.subjects.find(subject => subject.name === path && subject.narHash === narHash)
    const predicate = parsePredicate(statement)
    if (about === undefined || predicate?.kind !== 'verification-summary') continue
    if (otherSubjectOf(predicate, about) !== undefined) continue
    if (predicate.passed && predicate.levels.includes(level)) return true
  }
  return false
}
