/** Keeps what was verified about paths that only the warn mode lets in: docs/semantics.md, G14. */
import { parseStorePath } from '../formats/nix/store-path.ts'
import { CLAIM_LIMIT } from '../ledger/admission-text.ts'
import {
  type Admission,
  type AdmittedClaim,
  isOnlySeen,
  NO_POLICY,
  readAdmission,
  writeAdmission,
} from '../ledger/admissions.ts'
import { ruleOfLetIn } from '../ledger/respite.ts'
import type { Claim, Subject } from '../policy/verdict.ts'
import { claimsToKeep, firstOfEachFirst } from './entry.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * Remembers the claims about a path that was refused while the policy warns, so that a later policy
 * can weigh them although their source is gone by then. They go into the path's entry; if it has
 * none, into one that is stale under every policy and admits nothing. Signatures in Nix's own form
 * are left out: the store keeps those, with the references that they cover. Throws FileError.
 */
export async function recordSeen(
  inquiry: Inquiry,
  subject: Subject,
  claims: readonly Claim[],
): Promise<void> {
  if (claims.length === 0 || !(await isRemembering(inquiry))) return
  const { path, narHash, kind } = subject
  const about = claims.filter(claim => claim.path === path && claim.narHash === narHash)
  const seen = claimsToKeep(about, inquiry.now).filter(({ trace }) => trace !== 'nix')
  if (seen.length === 0 || kind === 'expression') return
  const { state } = inquiry.places
  const { digest } = parseStorePath(path)
  const entry = readAdmission(state, digest, path)
  // What was made here is recorded by its own hook, and until then by the expectation alone.
  if (entry === undefined && subject.builtHere) return
  const isReplaced = entry === undefined || (entry.narHash !== narHash && isOnlySeen(entry))
  if (!isReplaced && (entry.narHash !== narHash || entry.kind === 'signature')) return
  const known = isReplaced ? [] : entry.claims
  const added: AdmittedClaim[] = []
  for (const claim of seen) {
    if (![...known, ...added].some(other => isSame(claim, other))) added.push(claim)
  }
  // A signer who made very many signatures leaves room for those who made one.
  const kept = firstOfEachFirst([...known, ...added]).slice(0, CLAIM_LIMIT)
  if (!kept.some(claim => added.includes(claim))) return
  const next = isReplaced ? entryOf(subject, inquiry) : entry
  writeAdmission(state, digest, { ...next, claims: kept })
}

/**
 * The same for a path that was refused before anybody asked what is attested about it: for what it
 * was made from.
 */
export async function recordAttested(inquiry: Inquiry, subject: Subject): Promise<void> {
  if (!(await isRemembering(inquiry))) return
  const { claims } = await inquiry.attested(subject.path, subject)
  await recordSeen(inquiry, subject, claims)
}

async function isRemembering(inquiry: Inquiry): Promise<boolean> {
  return inquiry.records && (await inquiry.policy()).mode === 'warn'
}

function entryOf({ path, narHash, kind }: Subject, { now, places: { state } }: Inquiry): Admission {
  return {
    path,
    narHash,
    policy: NO_POLICY,
    until: undefined,
    stamp: undefined,
    kind,
    builtHere: false,
    derivation: kind === 'derivation' ? path : undefined,
    time: now,
    rule: ruleOfLetIn(state, now),
    claims: [],
    build: undefined,
  }
}

function isSame(one: AdmittedClaim, other: AdmittedClaim): boolean {
  return (
    one.role === other.role && one.key === other.key && one.graph === other.graph && one.trace === other.trace
  )
}
