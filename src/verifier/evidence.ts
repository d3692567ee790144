import { mergeEvidence } from '../evidence/merge.ts'
import { storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Admission } from '../ledger/admissions.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import { toHex } from '../primitives/hex.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from './inquiry.ts'
import { readGateKeyName, readMachineKey } from './machine-key.ts'

/**
 * All evidence about a source or an output: attestations; for a source that is there, its developer's own signatures;
 * for an output, the signatures that the store keeps for it. `fileNames`: how a list of checksums may call a source.
 */
export async function pathEvidence(
  inquiry: Inquiry,
  subject: Subject,
  info: PathInfo | undefined,
  fileNames?: readonly string[],
): Promise<Evidence> {
  const policy = await inquiry.policy()
  const parts = [await inquiry.attested(subject.path)]
  if (subject.kind === 'output') {
    if (info !== undefined) parts.push(storedSignatures(inquiry, policy, info))
  } else if (info !== undefined) {
    const { developerEvidence } = await import('../evidence/developer-signatures.ts')
    parts.push(await developerEvidence(policy, subject, subject.path, fileNames))
  }
  return mergeEvidence(parts)
}

/** Signatures that the store keeps. Those of the gate here say that it let the path in, and are nobody's word on it. */
function storedSignatures({ places }: Inquiry, policy: Policy, info: PathInfo): Evidence {
  const found = storeSignatureEvidence(policy, info, "the store's database")
  const gate = readGateKeyName(places.state)
  const strays = found.strays.map(stray =>
    stray.problem === 'unknown-signer' && stray.detail === gate
      ? ({ ...stray, problem: 'unused', detail: `${gate}, by which the gate here let it in` } as const)
      : stray,
  )
  return { ...found, strays }
}

/**
 * What this machine once verified itself about these very bytes: an entry's claims, as the policy of the day takes
 * them.
 */
export async function rememberedEvidence(
  inquiry: Pick<Inquiry, 'policy' | 'places' | 'now'>,
  entry: Admission | undefined,
  narHash: string,
): Promise<Evidence> {
  const isAbout = entry?.narHash === narHash && entry.claims.length > 0
  if (!isAbout) return { claims: [], strays: [], troubles: [] }
  const { recalledEvidence } = await import('../evidence/remembered.ts')
  const remembered = entry.claims.map(({ key, role, graph, seen, trace, origin }) => {
    const about = { key, role, path: entry.path, narHash, seen, trace, origin }
    return graph === undefined ? about : { ...about, graph }
  })
  const machineKey = readMachineKey(inquiry.places.state)
  const own = machineKey && `ed25519:${toHex(machineKey)}`
  return recalledEvidence(await inquiry.policy(), remembered, { now: inquiry.now, own })
}
