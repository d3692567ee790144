import { storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Upstream } from '../evidence/upstreams/upstream.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Evidence } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Run } from './run.ts'

/** An upstream that has not answered so often in a row is not asked again. */
const SILENCES = 3

/** What binary caches have signed of a path as it is here. */
export interface CacheSignatures {
  /** With those that the store has. */
  readonly evidence: Evidence
  /** The signatures by listed keys that the store does not have. */
  readonly signatures: readonly string[]
}

/**
 * Asks the policy's caches for signatures of exactly what the store has registered. Only those by
 * listed keys that verify are returned: a path that came in without them, or before their keys were
 * listed, gets them late.
 */
export async function signaturesOfCaches(run: Run, info: PathInfo): Promise<CacheSignatures> {
  const { digest, name } = parseStorePath(info.path)
  const said = await Promise.all(run.upstreams.map(upstream => ask(run, upstream, digest)))
  const same = said.flatMap(narinfo =>
    narinfo !== undefined && narFingerprint(narinfo) === narFingerprint(info) ? narinfo.signatures : [],
  )
  const policy = policyFor(await run.ask().policy(), { name, kind: 'output' })
  const all = [...info.signatures, ...same]
  const found = storeSignatureEvidence(policy, { ...info, signatures: all }, 'the store or a binary cache')
  const signatures = found.signatures.filter(text => !info.signatures.includes(text))
  return { evidence: { ...found, strays: [] }, signatures }
}

async function ask(run: Run, upstream: Upstream, digest: string) {
  const silences = run.silences.get(upstream) ?? 0
  if (silences >= SILENCES) return undefined
  const said = await upstream.narinfo(digest)
  run.silences.set(upstream, said.kind === 'silent' ? silences + 1 : 0)
  return said.kind === 'offer' ? said.offer.narinfo : undefined
}
