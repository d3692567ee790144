import { holderOf, standingOf } from '../../policy/key-standing.ts'
import type { Key, Policy } from '../../policy/policy.ts'
import { word } from '../../policy/words.ts'
import { sideBySide } from '../../primitives/side-by-side.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import { keysInForce } from '../attest/checked-signature.ts'
import { PackagingError } from '../packaging-error.ts'
import { checkSource } from './check.ts'
import type { CheckedSource } from './checked-source.ts'
import { openDownloads } from './downloads.ts'
import { type DevelopersWord, developersWord } from './its-developers.ts'
import { assertAbout, type NamedRevision, type NamedSignature } from './named-signatures.ts'
import type { Source } from './sources.ts'

/** Sources that are checked at the same time. */
const AT_ONCE = 6

/** With what the sources of a derivation are checked. */
export interface CheckOptions {
  readonly signatures: readonly NamedSignature[]
  readonly revisions: readonly NamedRevision[]
  readonly keys: KeysToTry
  /** Directory of attestations, in which signatures may lie already. */
  readonly out: string
  /** A private directory for downloads. */
  readonly scratch: string
  /** Hears how far the work is. */
  readonly progress: (progress: CheckProgress) => void
}

/** How far the check of all sources is. */
export interface CheckProgress {
  readonly done: number
  readonly total: number
  /** The source that was begun last or, with the bytes that came so far, the address. */
  readonly doing: { readonly source: Source } | { readonly url: string; readonly bytes: number }
}

/** The keys of the trusted list, and those that the caller named beside them. */
export interface KeysToTry {
  /** The user's own. */
  readonly listed: readonly Key[]
  readonly named: readonly Key[]
  /** Whom entries and lists name for each source; missing without a policy that has any. */
  readonly word?: DevelopersWord
}

/**
 * The keys of a policy that are in force at an instant (seconds since 1970), and those that were
 * named beside them. Throws PackagingError for a named key that the policy has, or revokes in a
 * list, and does not let count: naming it does not bring it back.
 */
export function keysToTry(policy: Policy | undefined, named: readonly Key[], now: number): KeysToTry {
  if (policy === undefined) return { listed: [], named }
  for (const key of named) {
    if (isRevoked(policy, key, now))
      throw new PackagingError(
        'key-not-in-force',
        `${word(key.label)} is revoked by your policy: it does not count, whoever names it`,
      )
    const holder = holderOf(policy, key.identity)
    const standing = holder && standingOf(policy, holder, now).code
    if (holder === undefined || standing === 'valid') continue
    const whose = `${word(key.label)} is a key of ${word(holder.principal.name)}`
    throw new PackagingError(
      'key-not-in-force',
      `${whose}, which your policy says is ${standing}: it does not count, whoever names it`,
    )
  }
  const hasOthers = policy.lists.size > 0 || policy.developers.length > 0
  return {
    listed: keysInForce(policy, now),
    named: named.filter(({ identity }) => !holderOf(policy, identity)),
    ...(hasOthers && { word: developersWord(policy, now) }),
  }
}

/** By its key, for a key that none of the user's own people has. */
function isRevoked({ principals, revocations }: Policy, { identity }: Key, now: number): boolean {
  if (holderOf({ principals }, identity) !== undefined) return false
  return revocations.some(({ target, from }) => 'key' in target && target.key === identity && from <= now)
}

/**
 * Checks every source, several at the same time; the results are in the order of the sources.
 * Throws PackagingError for a signature or revision that was named for no source.
 */
export async function checkAll(
  sources: readonly Source[],
  options: CheckOptions,
): Promise<readonly CheckedSource[]> {
  const { signatures, revisions, keys, scratch, progress } = options
  assertAbout(
    sources.map(({ path }) => path),
    signatures,
    revisions,
  )
  const total = sources.length
  let done = 0
  let store: Promise<Store> | undefined
  const openOnce = () => {
    store ??= openStore()
    return store
  }
  const downloads = openDownloads(scratch, (url, bytes) => progress({ done, total, doing: { url, bytes } }))
  const workplace = { store: openOnce, downloads, known: new Map() }
  const keysFor = (source: Source) => [...(keys.word?.keysFor(source) ?? keys.listed), ...keys.named]
  const checking = { signatures, revisions, directories: [options.out], workplace }
  for (const { urls } of sources) downloads.expect(urls)
  try {
    return await sideBySide(sources, AT_ONCE, async source => {
      progress({ done, total, doing: { source } })
      const found = await checkSource(source, { ...checking, keys: keysFor(source) })
      const notes = keys.word?.notesOn(found) ?? []
      const checked = notes.length === 0 ? found : { ...found, notes: [...found.notes, ...notes] }
      downloads.done(source.urls)
      done++
      return checked
    })
  } finally {
    await store?.then(open => open.close()).catch(() => undefined)
  }
}
