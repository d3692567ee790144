import { existsSync } from 'node:fs'
import { isAttestedIn } from '../evidence/attestation-file.ts'
import { type AttestationReader, attestationReader } from '../evidence/attestations.ts'
import { mergeEvidence } from '../evidence/merge.ts'
import { narinfoEvidence } from '../evidence/narinfo-files.ts'
import { keptSources, openSources, type Sources } from '../evidence/remote/sources.ts'
import { assertOwnedDirectory } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { type PolicySnapshot, readSnapshot } from '../ledger/policy-snapshot.ts'
import { underRespite } from '../ledger/respite.ts'
import { readSeenClaims } from '../ledger/seen-conflicts.ts'
import { type About, policyFor } from '../policy/lists/policy-for.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Evidence, Refusal, Trouble } from '../policy/verdict.ts'
import { shareStore } from '../store/shared-store.ts'
import type { Store } from '../store/store-client.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { LetIn } from './let-in.ts'
import { readMachineKey } from './machine-key.ts'
import type { Places } from './places.ts'
import { certifiedHere, loadPolicy, withCertified, withPlaces } from './policy-file.ts'
import type { ResidentCache } from './resident-cache.ts'
import type { SignedRoots } from './signed-root.ts'
import { readDerivation } from './stored-derivation.ts'

/**
 * What every decision needs: one policy, one clock, one store. Each is read once, and only when it
 * is asked for.
 */
export interface Inquiry {
  readonly places: Places
  readonly now: Instant
  /** Whether what is found trusted is recorded in the ledger. */
  readonly records: boolean
  /** Whether conflicts with builders' claims are recorded. */
  readonly notesConflicts: boolean
  /** Whether this process may move refused paths out of the store. */
  readonly takesOut: boolean
  /**
   * Whether taking out waits for whatever is in its way. False when a hook finishes the work of
   * others.
   */
  readonly waits: boolean
  /** Whether it goes by what is at hand: asks no source, and hashes no contents in the store. */
  readonly isAtHand: boolean
  /** Whether contents count as the store registered them, without a look at what became of them. */
  readonly takesRegistered: boolean
  /** The answers found so far, by kind and path, so that no path is judged twice. */
  readonly answers: Map<string, Refusal | undefined>
  /**
   * Returns a derivation of the store, which is read once: its name proves its contents. Throws as
   * readDerivation does.
   */
  derivation(path: string): StoredDerivation
  /**
   * Returns the part of the policy that is known without parsing it, with the attestation
   * directories in force.
   */
  snapshot(): Promise<PolicySnapshot>
  policy(): Promise<Policy>
  store(): Promise<Store>
  /**
   * Returns what is attested about a store path, or signed in Nix's own format. Looks in the
   * policy's directories and in the mirrors of its sources, which are first refreshed for this
   * path; or in the directories that the caller named. A source that cannot be reached is a
   * trouble. `about`: what the policy has to know about the path, so that people of lists count; by
   * default only the user's own do.
   */
  attested(path: string, about?: About): Promise<Evidence>
  /**
   * Whether anything is attested about a store path, or a conflict about it was recorded, or some
   * sources cannot be reached. Reads no attestation.
   */
  isAttested(path: string): Promise<boolean>
  /**
   * Brings the approvals that the policy's sources publish into the mirrors. Returns what kept
   * sources from being asked.
   */
  refreshApprovals(): Promise<readonly Trouble[]>
  /** Brings the list of an approved build graph into a mirror: see Sources. */
  bringGraph(directory: string, graph: string): Promise<Trouble | undefined>
  /** Returns the derivations in this store whose whole build graph a packager signed. */
  signedRoots(): Promise<SignedRoots>
  /**
   * Writes what is about to be admitted into the decision log; returns why it may not be, if it
   * cannot be written and has to be. Undefined: whoever asks writes it.
   */
  readonly writesDecision?: (admitted: readonly [LetIn, ...LetIn[]]) => Promise<Refusal | undefined>
  close(): void
}

/** How an inquiry behaves. */
export interface InquiryOptions {
  /** False judges without leaving a trace, for example under a policy that somebody tries out. */
  readonly records: boolean
  /**
   * Whether conflicts are recorded all the same, under this machine's policy. Defaults to
   * `records`.
   */
  readonly notesConflicts?: boolean
  /** False for a process that may not write to the store. Defaults to true. */
  readonly takesOut?: boolean
  /**
   * True for whoever could have this process do much work by asking: no source is asked, and no
   * contents are hashed; where a verdict depends on that, it is a refusal that says so. Defaults to
   * false.
   */
  readonly isAtHand?: boolean
  /**
   * True for a question about the policy alone: what may have changed on the disk since it was
   * judged counts as the store registered it. Hooks hash it before they use it. Defaults to false.
   */
  readonly takesRegistered?: boolean
  /**
   * What this process keeps for all its inquiries into the same places. Without it, an inquiry
   * reads everything itself.
   */
  readonly kept?: ResidentCache
  /** A policy that is tried out, in place of the one that lies in its file; `records` is false. */
  readonly draft?: Policy
}

/**
 * Opens an inquiry, with the current time as its clock. Throws FileError if others can write the
 * state directory.
 */
export function openInquiry(places: Places, options: InquiryOptions): Inquiry {
  const { records, kept, draft } = options
  if (existsSync(places.state)) assertOwnedDirectory(places.state)
  let policy: Promise<Policy> | undefined
  let store: Promise<Store> | undefined
  let snapshot: PolicySnapshot | undefined
  let reader: Promise<AttestationReader> | undefined
  const derivations = new Map<string, StoredDerivation>()
  const opened = once(async () => {
    const open = options.isAtHand ? keptSources : openSources
    return open(places.mirrors ?? places.state, (await inquiry.snapshot()).sources)
  })
  const refresh = async (path: string) => (await opened()).refresh(path)
  const inquiry: Inquiry = {
    places,
    now: Math.floor(Date.now() / 1000),
    ...behaviourOf(options),
    waits: true,
    answers: new Map(),
    derivation: path => {
      const stored = derivations.get(path) ?? readDerivation(path)
      derivations.set(path, stored)
      return stored
    },
    policy: () => {
      policy ??= inForce(places, { records, kept, draft }, inquiry.now).then(loaded =>
        sameAs(snapshot, loaded),
      )
      return policy
    },
    snapshot: async () => {
      // Once the policy has been read, a newer snapshot by another hook says nothing about it.
      if ((policy ?? kept ?? draft) === undefined) snapshot ??= readSnapshot(places.state, places.policy)
      if (snapshot === undefined) return inquiry.policy()
      return withPlaces(places, snapshot)
    },
    store: () => {
      store ??= kept?.store() ?? Promise.resolve(shareStore())
      return store
    },
    attested: async (path, about) => {
      const troubles = await refresh(path)
      reader ??= makeReader(inquiry, kept)
      // Together: where both fail, the other failure must not be one that nobody waits for.
      const [whole, readWhole] = await Promise.all([inquiry.policy(), reader])
      const [policy, read] = readingFor(whole, about, { readWhole, state: places.state })
      const refreshed = { claims: [], strays: [], troubles }
      const signed = narinfoEvidence(policy, policy.attestations, path)
      return mergeEvidence([refreshed, await read(path), signed])
    },
    isAttested: async path => {
      if ((await refresh(path)).length > 0) return true
      if (readSeenClaims(places.state, path).length > 0) return true
      const { attestations } = await inquiry.snapshot()
      return isAttestedIn(attestations, path)
    },
    refreshApprovals: async () => (await opened()).refreshApprovals(),
    bringGraph: async (directory, graph) => (await opened()).bringGraph(directory, graph),
    signedRoots: once(async () => findSigned(inquiry, await opened())),
    close: () => {
      if (kept !== undefined) return
      store?.then(
        open => open.close(),
        () => undefined,
      )
    },
  }
  return inquiry
}

function behaviourOf({
  records,
  notesConflicts = records,
  takesOut = true,
  isAtHand = false,
  takesRegistered = false,
}: InquiryOptions) {
  return { records, notesConflicts, takesOut, isAtHand, takesRegistered }
}

/** What is made when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

async function findSigned(inquiry: Inquiry, sources: Sources): Promise<SignedRoots> {
  const { findSignedRoots } = await import('./signed-roots.ts')
  return findSignedRoots(inquiry, await sources.published())
}

async function inForce(places: Places, { records, kept, draft }: Means, now: Instant): Promise<Policy> {
  if (draft !== undefined) return certifiedHere(places, draft)
  if (kept !== undefined) return kept.policy()
  const listed = withPlaces(places, loadPolicy(places, { remember: records }))
  const { policy } = withCertified(places, listed, { keep: records })
  return underRespite(policy, places.state, now)
}

interface Means {
  readonly records: boolean
  readonly kept: ResidentCache | undefined
  readonly draft: Policy | undefined
}

/** Nothing may be judged under one policy and recorded under another. Throws FileError. */
function sameAs(snapshot: PolicySnapshot | undefined, policy: Policy): Policy {
  if (snapshot === undefined || snapshot.digest === policy.digest) return policy
  throw new FileError('the policy was changed while it was asked: ask again')
}

/** This machine's own attestations are not evidence on itself. */
async function makeReader(inquiry: Inquiry, kept: ResidentCache | undefined): Promise<AttestationReader> {
  const policy = await inquiry.policy()
  if (kept !== undefined) return kept.reader(policy)
  return readerOf(policy, inquiry.places.state)
}

/** The policy by which attestations about a subject are read, and the reader that does. */
function readingFor(
  whole: Policy,
  about: About | undefined,
  { readWhole, state }: { readonly readWhole: AttestationReader; readonly state: string },
): readonly [Policy, AttestationReader] {
  const policy = about === undefined ? whole : policyFor(whole, about)
  return [policy, policy === whole ? readWhole : readerOf(policy, state)]
}

function readerOf(policy: Policy, state: string): AttestationReader {
  return attestationReader(policy, readMachineKey(state))
}
