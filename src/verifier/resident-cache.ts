import { existsSync } from 'node:fs'
import { type AttestationReader, attestationReader } from '../evidence/attestations.ts'
import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { hasSnapshot, isSettled, type StampedFile, writeSnapshot } from '../ledger/policy-snapshot.ts'
import { underRespite } from '../ledger/respite.ts'
import { versionOf } from '../ledger/stamp.ts'
import { listedKeys } from '../policy/key-standing.ts'
import type { Policy } from '../policy/policy.ts'
import { forAMoment } from '../primitives/for-a-moment.ts'
import { printable } from '../primitives/printable.ts'
import { shareStore } from '../store/shared-store.ts'
import type { Store } from '../store/store-client.ts'
import { machineKeyFile, readMachineKey } from './machine-key.ts'
import type { Places } from './places.ts'
import { type CertifiedPolicy, readPolicy, withCertified, withPlaces } from './policy-file.ts'

/**
 * What a resident process keeps from one inquiry to the next. Each item gives the same result as if
 * it were read anew.
 */
export interface ResidentCache {
  /**
   * The policy in force, with a respite applied and with all directories of attestations. It is
   * read again as soon as one of its files has changed. Throws FileError and PolicyError, again at
   * each call until it can be read.
   */
  policy(): Policy
  /**
   * The store, shared by all inquiries: see shareStore. Questions reject if it cannot be opened.
   */
  store(): Promise<Store>
  /** A reader of attestations by the keys of this policy. */
  reader(policy: Policy): AttestationReader
  /** Makes the next inquiry read everything anew. */
  forget(): void
  close(): void
}

/** A policy, and the files that show whether it is still current. */
interface HeldPolicy {
  readonly policy: Policy
  readonly files: readonly StampedFile[]
  /** The files of certificates of keys, with their versions; undefined: absent. */
  readonly certificates: CertifiedPolicy['certificates']
}

/** Opens an empty cache for these places; nothing is read until it is asked for. */
export function openResidentCache(places: Places): ResidentCache {
  const policies = keepPolicy(places)
  const readers = keepReader(places.state)
  const store = shareStore()
  return {
    policy: policies.current,
    store: async () => store,
    reader: readers.current,
    forget() {
      policies.forget()
      readers.forget()
    },
    close: () => store.close(),
  }
}

function keepPolicy(places: Places) {
  let held: HeldPolicy | undefined
  /** The policy in force a moment ago, so that requests that arrive together do not each check. */
  const fresh = forAMoment<Policy>()
  /** Whether the state directory has been seen. */
  let wasThere = false
  const read = (): Policy => {
    held = undefined
    if (wasThere && !existsSync(places.state)) throw stateLost(places.state)
    const next = readPolicy(places)
    writeSnapshot(places.state, next.policy, next.files)
    wasThere ||= existsSync(places.state)
    const listed = withPlaces(places, next.policy)
    held = { ...withCertified(places, listed, { keep: true }), files: next.files }
    return taken(held.policy)
  }
  const taken = (policy: Policy): Policy => underRespite(policy, places.state, Math.floor(Date.now() / 1000))
  return {
    current(): Policy {
      if (held === undefined) return read()
      const current = fresh.get()
      if (current !== undefined) return current
      // The plugin and the hooks know the policy by its snapshot, so the snapshot must exist.
      if (!held.files.every(isUnchanged) || !hasSnapshot(places.state)) return read()
      if (held.certificates.some(([file, version]) => versionOf(file) !== version)) return read()
      const policy = taken(held.policy)
      fresh.set(policy)
      return policy
    },
    forget() {
      held = undefined
      fresh.forget()
    },
  }
}

/** For a process that made the directory when it started, and has run without it since. */
function stateLost(state: string): FileError {
  return new FileError(
    `${printable(state)} is gone, and with it the ledger and the keys of this machine: restore it, or begin anew (on NixOS: systemctl restart nixsig-keys nix-daemon; elsewhere: nixsig setup, and restart the gate)`,
  )
}

/**
 * A file that changed a moment ago may change again without changing its stamp, so it counts as
 * changed.
 */
function isUnchanged([path, stamp]: StampedFile): boolean {
  return stamp !== undefined && isSettled(stamp) && versionAt(path) === stamp
}

function versionAt(path: string): string | undefined {
  try {
    return versionOf(protectedPath(path))
  } catch (error) {
    // Reading the policy meets the same error and reports it.
    if (error instanceof FileError) return undefined
    throw error
  }
}

function keepReader(state: string) {
  let held: { readonly asked: string; readonly reader: AttestationReader } | undefined
  return {
    current(policy: Policy): AttestationReader {
      // This machine's key is made when it is first needed. It decides whose attestations count as
      // its own.
      // Certificates add keys, and leave the digest as it is.
      const certified = listedKeys(policy).flatMap(({ grants, identity }) => (grants ? [identity] : []))
      const machine = versionOf(machineKeyFile(state)) ?? ''
      const asked = [policy.digest, ...policy.attestations, machine, ...certified].join('\n')
      if (held?.asked !== asked) {
        held = { asked, reader: attestationReader(policy, readMachineKey(state)) }
      }
      return held.reader
    },
    forget() {
      held = undefined
    },
  }
}
