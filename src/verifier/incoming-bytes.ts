/**
 * Judges a source that is about to become valid by its bytes: they are already in the store and can
 * be read. A developer's signature may cover them, or they may be a signature themselves.
 */
import { mergeEvidence } from '../evidence/merge.ts'
import { developerSignatureFiles } from '../evidence/signature-files.ts'
import { FileError } from '../files/regular-file.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Policy } from '../policy/policy.ts'
import type { Refusal, Trust, Verdict } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'
import { withAddresses } from './addresses.ts'
import { noSignature } from './derivation-signatures.ts'
import { rememberedEvidence } from './evidence.ts'
import type { Identified } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeSource, namesOf } from './judge-input.ts'
import { recordOffer, recordSignature } from './record.ts'
import { subjectOf } from './subject.ts'

/**
 * A source that Nix is about to register with these contents (NAR hash, hex), and that was refused
 * without looking at them.
 */
export interface RefusedSource {
  readonly source: Identified
  readonly narHash: string
  readonly refusal: Refusal
}

/**
 * Returns undefined if the bytes let it in, and it is in the ledger then; otherwise the refusal.
 * Throws FileError if the bytes on the disk are not those that Nix names.
 */
export async function admitByBytes(
  inquiry: Inquiry,
  { source, narHash, refusal }: RefusedSource,
): Promise<Refusal | undefined> {
  const naming = source.makers.find(({ isSignature }) => isSignature)
  if (naming === undefined && !isSigned(await inquiry.policy(), source)) return refusal
  await assertLiesThere(source.path.path, narHash)
  const problem = naming && (await whyNoSignatureAt(source.path.path))
  if (naming !== undefined && problem === undefined) {
    // Not valid yet, so there is no stamp: whoever uses it checks what lies there then.
    const signature = { narHash, stamp: undefined, derivation: naming.derivation.path.path }
    if (inquiry.records) await recordSignature(inquiry, source.path, signature)
    return undefined
  }
  const verdict = await judgeBytes(inquiry, source, narHash)
  if (verdict.outcome === 'trusted') return admitted(inquiry, source, verdict)
  return problem === undefined ? verdict : noSignature(verdict, problem)
}

async function admitted(inquiry: Inquiry, { path }: Identified, verdict: Trust): Promise<undefined> {
  if (inquiry.records) await recordOffer(inquiry, verdict, path)
}

function isSigned({ attestations }: Policy, { path, declared = [] }: Identified): boolean {
  if (declared.some(({ signatures }) => signatures.length > 0)) return true
  return developerSignatureFiles(attestations, path.path).length > 0
}

async function assertLiesThere(path: string, narHash: string): Promise<void> {
  const { narHashOfTree } = await import('../store/disk-tree-nar.ts')
  const found = (await narHashOfTree(path)).narHash
  if (found === narHash) return
  throw new FileError(
    `${printable(path)} has other contents (sha256:${found}) than Nix says (sha256:${narHash})`,
  )
}

/** Returns why a file that is fetched as a signature is not one; undefined if it is. */
async function whyNoSignatureAt(path: string): Promise<string | undefined> {
  const { whyNoSignature } = await import('../evidence/derivation-signatures.ts')
  return whyNoSignature(path, 'either')
}

/**
 * Returns the verdict by all that is said about these bytes, as a hook would judge them once they
 * are valid.
 */
async function judgeBytes(inquiry: Inquiry, source: Identified, narHash: string): Promise<Verdict> {
  const { path, makers } = source
  const known = await withAddresses(inquiry, source, makers)
  const subject = subjectOf(known, { narHash, builtHere: false })
  const policy = await inquiry.policy()
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const { developerEvidence } = await import('../evidence/developer-signatures.ts')
  const evidence = mergeEvidence([
    await inquiry.attested(path.path, subject),
    await rememberedEvidence(inquiry, entry, subject),
    await developerEvidence(policy, subject, path.path, await namesOf(inquiry, source, makers)),
  ])
  return judgeSource(inquiry, source, subject, { evidence, fsPath: path.path })
}
