/** Which binary caches say the same about a path, and who signed that: docs/semantics.md, G3. */
import { storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import {
  builderHolders,
  earliest,
  endOf,
  type KeyHolder,
  type KeyStanding,
  standingOf,
} from '../policy/key-standing.ts'
import type { Instant, Policy, SubjectKind } from '../policy/policy.ts'
import type { Claim, Evidence, Refusal, Side, Stray } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'

/** Offers that say the same of everything that a signature covers. */
export interface Word {
  readonly offers: readonly [Offer, ...Offer[]]
  /** What signatures cover, in one text: see narFingerprint. */
  readonly fingerprint: string
  /** The evidence of each offer: its signatures by listed keys, and its strays. */
  readonly signed: readonly (Evidence & { readonly signatures: readonly string[] })[]
  /** Its claims by listed keys in good standing. */
  readonly backing: readonly Claim[]
  /** Its claims by listed keys that are not valid yet. */
  readonly later: readonly Claim[]
}

/** The words of these offers, in the order of the first offer of each. */
export function wordsOf(
  policy: Policy,
  now: Instant,
  offers: readonly [Offer, ...Offer[]],
): readonly [Word, ...Word[]] {
  const groups = new Map<string, [Offer, ...Offer[]]>()
  for (const offer of offers) {
    const fingerprint = narFingerprint(offer.narinfo)
    const group = groups.get(fingerprint)
    if (group === undefined) groups.set(fingerprint, [offer])
    else group.push(offer)
  }
  const [first, ...others] = [...groups].map(([fingerprint, group]): Word => {
    const signed = group.map(({ upstream, narinfo }) => storeSignatureEvidence(policy, narinfo, upstream))
    const claims = signed.flatMap(evidence => evidence.claims)
    const withStanding = (code: KeyStanding['code']) =>
      claims.filter(claim =>
        holdersOfClaim(policy, claim, now).some(one => standingOf(policy, one, now).code === code),
      )
    return {
      offers: group,
      fingerprint,
      signed,
      backing: withStanding('valid'),
      later: withStanding('not-yet-valid'),
    }
  })
  if (first === undefined) throw new RangeError('no offers')
  return [first, ...others]
}

/** Whose word stands among those that differ. */
export type Standing =
  /** This one, whatever the others say. */
  | { readonly kind: 'one'; readonly word: Word }
  /** Nobody signed any of them: what else is known about each has to decide. */
  | { readonly kind: 'open' }
  /** Several do. */
  | { readonly kind: 'several' }

/**
 * A word stands if a listed key in good standing signed it, or if the store has the path exactly
 * so. What the store has otherwise is a side of its own. The only word there is stands.
 */
export function standingWord(words: readonly [Word, ...Word[]], stored: readonly PathInfo[]): Standing {
  const had = new Set(stored.map(narFingerprint))
  const standing = words.filter(({ backing, fingerprint }) => backing.length > 0 || had.has(fingerprint))
  const isOther = [...had].some(said => !words.some(({ fingerprint }) => fingerprint === said))
  if (isOther || standing.length > 1) return { kind: 'several' }
  const [word] = words.length === 1 ? words : standing
  return word === undefined ? { kind: 'open' } : { kind: 'one', word }
}

/** The refusal of a path of this kind because of words that differ, and its sides. */
export function disagreementOf(
  kind: SubjectKind,
  words: readonly [Word, ...Word[]],
  stored: readonly PathInfo[],
): { readonly verdict: Refusal; readonly sides: readonly Side[] } {
  const offers = words.flatMap(word => word.offers)
  const sides = [
    ...offers.map(({ upstream, narinfo }) => sideOf(upstream, narinfo)),
    ...stored.map(info => sideOf('the store of this machine', info)),
  ]
  const { path } = words[0].offers[0].narinfo
  const verdict: Refusal = {
    outcome: 'untrusted',
    path,
    kind,
    ground: { kind: 'caches' },
    findings: [{ code: 'disagreement', sides }],
  }
  return { verdict, sides }
}

/** What the caches say whose word does not stand. */
export function straysOf(words: readonly Word[]): readonly Stray[] {
  return words.flatMap(({ offers }) =>
    offers.map(({ upstream, narinfo: { path, narHash, narSize, references } }): Stray => {
      const detail = `${path} with sha256:${narHash}, ${narSize} bytes and ${references.length} references`
      return { problem: 'other-word', origin: upstream, detail }
    }),
  )
}

/**
 * Until when the word stands against these others, if it stands because of signatures: until a key
 * that backs it ends, or one that signed another becomes valid.
 */
export function untilOf(
  policy: Policy,
  { backing }: Word,
  others: readonly Word[],
  now: Instant,
): Instant | undefined {
  if (others.length === 0) return undefined
  const ends = backing
    .flatMap(claim => holdersOfClaim(policy, claim, now))
    .map(holder => endOf(policy, holder))
  const begins = others
    .flatMap(({ later }) => later)
    .flatMap(claim => holdersOfClaim(policy, claim, now))
    .map(({ key }) => key.validFrom)
  return earliest([...ends, ...begins])
}

function holdersOfClaim(policy: Policy, { key, path }: Claim, now: Instant): readonly KeyHolder[] {
  return builderHolders(policy, key, parseStorePath(path).name, now)
}

function sideOf(who: string, { path, narHash, narSize }: Omit<Side, 'who'>): Side {
  return { who, path, narHash, narSize }
}
