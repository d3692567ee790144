import { holderOf, standingOf } from '../../policy/key-standing.ts'
import type { Key, Policy } from '../../policy/policy.ts'
import { word } from '../../policy/words.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import { keysInForce } from '../attest/checked-signature.ts'
import { PackagingError } from '../packaging-error.ts'
import { checkSource } from './check.ts'
import type { CheckedSource } from './checked-source.ts'
import { assertAbout, type NamedRevision, type NamedSignature } from './named-signatures.ts'
import { type AskAbout, acceptNewKeys } from './new-keys.ts'
import type { Source } from './sources.ts'

/** A private directory for downloads. */
export interface Scratch {
  readonly directory: string
  /** Deletes what is in it. */
  empty(): void
}

/** With what the sources of a derivation are checked. */
export interface CheckOptions {
  readonly signatures: readonly NamedSignature[]
  readonly revisions: readonly NamedRevision[]
  readonly keys: KeysToTry
  /** Directory of attestations, in which signatures may lie already. */
  readonly out: string
  readonly scratch: Scratch
  /** Hears which source is checked now. */
  readonly progress: (source: Source) => void
  /** Asks whether a key that is new here is the developer's. */
  readonly askAbout: AskAbout
}

/** The keys of the trusted list, and those that the caller named beside them. */
export interface KeysToTry {
  readonly listed: readonly Key[]
  readonly named: readonly Key[]
}

/**
 * The keys of a policy that are in force at an instant (seconds since 1970), and those that were
 * named beside them. Throws PackagingError for a named key that the policy has and does not let
 * count: naming it does not bring it back.
 */
export function keysToTry(policy: Policy | undefined, named: readonly Key[], now: number): KeysToTry {
  if (policy === undefined) return { listed: [], named }
  for (const key of named) {
    const holder = holderOf(policy, key.identity)
    const standing = holder && standingOf(policy, holder, now).code
    if (holder === undefined || standing === 'valid') continue
    const whose = `${word(key.label)} is a key of ${word(holder.principal.name)}`
    throw new PackagingError(
      'key-not-in-force',
      `${whose}, which your policy says is ${standing}: it does not count, whoever names it`,
    )
  }
  return {
    listed: keysInForce(policy, now),
    named: named.filter(({ identity }) => !holderOf(policy, identity)),
  }
}

/**
 * Checks every source, and asks about each key that is new here. Throws PackagingError for a
 * signature or revision that was named for no source.
 */
export async function checkAll(
  sources: readonly Source[],
  options: CheckOptions,
): Promise<readonly CheckedSource[]> {
  const { signatures, revisions, keys, scratch } = options
  assertAbout(
    sources.map(({ path }) => path),
    signatures,
    revisions,
  )
  let store: Promise<Store> | undefined
  const workplace = {
    directory: scratch.directory,
    store: () => {
      store ??= openStore()
      return store
    },
  }
  const all = [...keys.listed, ...keys.named]
  const checking = { keys: all, signatures, revisions, directories: [options.out], workplace }
  const checked: CheckedSource[] = []
  try {
    for (const source of sources) {
      options.progress(source)
      checked.push(await checkSource(source, checking))
      // A large source that was fetched is of no use once it was hashed and checked.
      scratch.empty()
    }
  } finally {
    await store?.then(open => open.close()).catch(() => undefined)
  }
  return acceptNewKeys(checked, keys.listed, options.askAbout)
}
