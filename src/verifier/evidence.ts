import { mergeEvidence } from '../evidence/merge.ts'
import type { RememberedClaim } from '../evidence/remembered.ts'
import { namesOfNixKeys, storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Admission } from '../ledger/admissions.ts'
import { type About, policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from './inquiry.ts'
import { readGateKeyName, readMachineIdentity } from './machine-key.ts'

/**
 * Gathers all evidence about a source or an output: attestations; for a source that is in the
 * store, its developer's own signatures; for an output, the signatures that the store keeps.
 * `fileNames`: the names under which a list of checksums may contain the source.
 */
export async function pathEvidence(
  inquiry: Inquiry,
  subject: Subject,
  info: PathInfo | undefined,
  fileNames?: readonly string[],
): Promise<Evidence> {
  const policy = policyFor(await inquiry.policy(), subject)
  const parts = [await inquiry.attested(subject.path, subject)]
  if (subject.kind === 'output') {
    if (info !== undefined) parts.push(await storedSignatures(inquiry, policy, info))
  } else if (info !== undefined) {
    const { developerEvidence } = await import('../evidence/developer-signatures.ts')
    parts.push(await developerEvidence(policy, subject, subject.path, fileNames))
  }
  return mergeEvidence(parts)
}

/**
 * Returns the evidence from signatures in the store's database. A signature of this machine's gate
 * only says that the gate let the path in, so it is not evidence.
 */
async function storedSignatures(inquiry: Inquiry, policy: Policy, info: PathInfo): Promise<Evidence> {
  const signed = info.crowdedOut === undefined ? info : await withListedFirst(inquiry, policy, info)
  return beyondGate(inquiry, storeSignatureEvidence(policy, signed, "the store's database"))
}

/** The same evidence, in which the signature of this machine's gate is no stranger's. */
export function beyondGate(inquiry: Pick<Inquiry, 'places'>, found: Evidence): Evidence {
  const gate = readGateKeyName(inquiry.places.state)
  const strays = found.strays.map(stray =>
    stray.problem === 'unknown-signer' && stray.detail === gate
      ? ({ ...stray, problem: 'unused', detail: `${gate}, by which the gate here let it in` } as const)
      : stray,
  )
  return { ...found, strays }
}

/**
 * Asks again about a path with more signatures than are kept, so that those by the names of listed
 * keys are among them. Its contents have to be the same.
 */
async function withListedFirst(inquiry: Inquiry, policy: Policy, info: PathInfo): Promise<PathInfo> {
  const again = await (await inquiry.store()).pathInfo(info.path, namesOfNixKeys(policy))
  return again?.narHash === info.narHash ? again : info
}

/**
 * Returns what this machine once verified about these exact bytes: the claims in the entry, weighed
 * under the current policy.
 */
export async function rememberedEvidence(
  inquiry: Pick<Inquiry, 'policy' | 'places' | 'now'>,
  entry: Admission | undefined,
  subject: About & Pick<Subject, 'narHash'>,
): Promise<Evidence> {
  const { narHash } = subject
  const isAbout = entry?.narHash === narHash && entry.claims.length > 0
  if (!isAbout) return { claims: [], strays: [], troubles: [] }
  const { recalledEvidence } = await import('../evidence/remembered.ts')
  const own = readMachineIdentity(inquiry.places.state)
  const policy = policyFor(await inquiry.policy(), subject)
  return recalledEvidence(policy, rememberedClaims(entry), { now: inquiry.now, own })
}

/** The claims in an entry, about the contents that it is about. */
export function rememberedClaims({ path, narHash, claims }: Admission): readonly RememberedClaim[] {
  return claims.map(({ key, role, graph, seen, trace, origin }) => {
    const about = { key, role, path, narHash, seen, trace, origin }
    return graph === undefined ? about : { ...about, graph }
  })
}
