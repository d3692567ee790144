import { existsSync } from 'node:fs'
import { type AttestationReader, attestationReader } from '../evidence/attestations.ts'
import { assertOwnedDirectory } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { type PolicySnapshot, readSnapshot } from '../ledger/policy-snapshot.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Evidence, Refusal } from '../policy/verdict.ts'
import { openStore, type Store } from '../store/store-client.ts'
import { readMachineKey } from './machine-key.ts'
import type { Places } from './places.ts'
import { loadPolicy } from './policy-file.ts'

/** What every decision needs: one policy, one clock, one store, each read once and only when it is asked for. */
export interface Gate {
  readonly places: Places
  readonly now: Instant
  /** Whether what is found trusted goes into the ledger. */
  readonly records: boolean
  /** What was found of paths already, by kind and path, so that none is judged twice. */
  readonly answers: Map<string, Refusal | undefined>
  /** The policy as far as it is known without parsing it, with the directories of attestations that are in force. */
  snapshot(): Promise<PolicySnapshot>
  policy(): Promise<Policy>
  store(): Promise<Store>
  /** What is attested of a store path in the policy's directories, or in those that the caller named. */
  attested(path: string): Promise<Evidence>
  close(): void
}

/**
 * Opens the gate now. With `records: false` it judges without leaving a trace: under a policy that somebody tries out,
 * say. Throws FileError if others can write the state directory.
 */
export function openGate(places: Places, { records }: { readonly records: boolean }): Gate {
  if (existsSync(places.state)) assertOwnedDirectory(places.state)
  let policy: Promise<Policy> | undefined
  let store: Promise<Store> | undefined
  let snapshot: PolicySnapshot | undefined
  let reader: Promise<AttestationReader> | undefined
  const gate: Gate = {
    places,
    now: Math.floor(Date.now() / 1000),
    records,
    answers: new Map(),
    policy: () => {
      policy ??= inForce(places, records).then(loaded => sameAs(snapshot, loaded))
      return policy
    },
    snapshot: async () => {
      // Once the policy was read, another hook's newer snapshot is no word about it.
      if (policy === undefined) snapshot ??= readSnapshot(places.state, places.policy)
      if (snapshot === undefined) return gate.policy()
      return { ...snapshot, attestations: places.attestations ?? snapshot.attestations }
    },
    store: () => {
      store ??= openStore()
      return store
    },
    attested: async path => {
      reader ??= makeReader(gate)
      return (await reader)(path)
    },
    close: () => {
      store?.then(
        open => open.close(),
        () => undefined,
      )
    },
  }
  return gate
}

async function inForce(places: Places, records: boolean): Promise<Policy> {
  const policy = loadPolicy(places, { remember: records })
  return { ...policy, attestations: places.attestations ?? policy.attestations }
}

/** Nothing may be judged by one policy and written down under another. Throws FileError. */
function sameAs(snapshot: PolicySnapshot | undefined, policy: Policy): Policy {
  if (snapshot === undefined || snapshot.digest === policy.digest) return policy
  throw new FileError('the policy was changed while it was asked: ask again')
}

/** What this machine signed itself is no evidence on it. */
async function makeReader(gate: Gate): Promise<AttestationReader> {
  return attestationReader(await gate.policy(), readMachineKey(gate.places.state))
}
