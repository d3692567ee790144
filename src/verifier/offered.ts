/** Judges what binary caches say about a path before Nix fetches it. */
import { developerSignatureFiles } from '../evidence/signature-files.ts'
import { storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Offer, UpstreamAnswer } from '../evidence/upstreams/upstream.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { parseNixSignature } from '../formats/nix/nix-key.ts'
import { isDerivationPath, parseStorePath, STORE_DIR, type StorePath } from '../formats/nix/store-path.ts'
import { recordConflict } from '../ledger/conflicts.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { Refusal, Side, Stray, Trouble, Trust, Verdict } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { PathInfo } from '../store/store-client.ts'
import { declaredFor, haveHash, tellingOfUnlike } from './declared-contents.ts'
import type { Input } from './derivation-parts.ts'
import { addressByName, type Identified, identify } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import { type Coming, judgeElsewhere } from './judge-elsewhere.ts'
import { vouchedFor } from './makers.ts'
import { recordOffer } from './record.ts'
import { withReferences } from './references.ts'
import { refusalOf } from './refusal-of-error.ts'
import { noteConflicts } from './seen-conflicts.ts'

/** The most signatures by keys that nobody lists that a path keeps. */
const UNLISTED_LIMIT = 8

/** The result of asking binary caches for a path. */
export type OfferOutcome =
  /** Nobody has it. `silent`: the upstreams that gave no answer. */
  | { readonly kind: 'absent'; readonly silent: readonly Stray[] }
  | {
      readonly kind: 'trusted'
      readonly verdict: Trust
      readonly offer: Offer
      /** Further offers of the same contents and references, in the order of the answers. */
      readonly others: readonly Offer[]
      /** The signatures to pass on: see signaturesToPassOn. */
      readonly signatures: readonly string[]
      /** Whether the ledger did not have it yet. */
      readonly isNew: boolean
    }
  /**
   * Refused. `offer`, `others` and `signatures`: what can be passed on if the policy is in warn
   * mode.
   */
  | {
      readonly kind: 'refused'
      readonly verdict: Refusal
      readonly offer?: Offer
      readonly others?: readonly Offer[]
      readonly signatures?: readonly string[]
    }
  /**
   * What would vouch for it can only be checked over the file itself, so Nix has to fetch it from
   * its origin.
   */
  | { readonly kind: 'unfetched'; readonly verdict: Refusal }

/** What is known about an offered path without trusting anybody. */
interface Offered extends Coming, Pick<Input, 'unlike'> {
  /**
   * Whether what would vouch for it can only be checked over the file itself: a developer's own
   * signature that is named by a derivation or kept here, or the hash that a derivation declares.
   */
  readonly isForItsBytes: boolean
  /**
   * Whether only a cache says that the contents have the hash that their name is made of. Nix
   * compares them when they are here; until then the ledger must not know them, unless the people
   * whom the policy asks for signed these very contents.
   */
  readonly isPromised: boolean
}

/**
 * Judges what upstreams answered about one path, and records what is admitted and who disagreed.
 * `digest` is the hash part of the path. Anything wrong with an answer, the evidence or the store
 * is a refusal; it never throws for that.
 */
export async function admitOffers(
  inquiry: Inquiry,
  digest: string,
  answers: readonly UpstreamAnswer[],
): Promise<OfferOutcome> {
  const offers = answers.flatMap(({ said }) => (said.kind === 'offer' ? [said.offer] : []))
  const silent = answers.flatMap(({ upstream, said }): readonly Stray[] =>
    said.kind === 'silent' ? [{ problem: 'no-answer', origin: upstream, detail: said.detail }] : [],
  )
  const troubles = answers.flatMap(({ upstream, said }): readonly Trouble[] =>
    said.kind === 'malformed' ? [{ origin: upstream, detail: said.detail }] : [],
  )
  const [offer] = offers
  // If nobody offers the path, its name is not known either.
  const path = offer?.narinfo.path ?? `${STORE_DIR}/${digest}-*`
  const isUnanswered = offer === undefined && answers.length > 0 && silent.length === answers.length
  const obstacles = isUnanswered ? silent : troubles
  if (obstacles.length > 0) {
    const verdict = undecided(path, obstacles)
    return offer === undefined
      ? { kind: 'refused', verdict }
      : { kind: 'refused', verdict, ...passable(offer, offers) }
  }
  if (offer === undefined) return { kind: 'absent', silent }
  try {
    return await admitOffer(inquiry, [offer, ...offers.slice(1)], silent)
  } catch (error) {
    const verdict = refusalOf(error, path, 'output')
    return { kind: 'refused', verdict, ...passable(offer, offers) }
  }
}

/** What a refusal lets through in warn mode: the first offer, and those that say the same. */
function passable(offer: Offer, offers: readonly Offer[]) {
  return { offer, others: othersLike(offer, offers), signatures: signaturesToPassOn([], [offer]) }
}

/** The other offers that say the same as this one of what a signature covers. */
function othersLike(offer: Offer, offers: readonly Offer[]): readonly Offer[] {
  const said = narFingerprint(offer.narinfo)
  return offers.filter(other => other !== offer && narFingerprint(other.narinfo) === said)
}

async function admitOffer(
  inquiry: Inquiry,
  offers: readonly [Offer, ...Offer[]],
  silent: readonly Stray[],
): Promise<OfferOutcome> {
  const [offer] = offers
  const path = parseStorePath(offer.narinfo.path)
  // Asking the store about a path that is not on the disk would cost more than everything else
  // here.
  const info = isOnDisk(path.path) ? await (await inquiry.store()).pathInfo(path.path) : undefined
  const offered = await whatItIs(inquiry, path, offers)
  const disagreement = disagreementOf(offered, offers, info)
  if (disagreement !== undefined) {
    const { verdict, sides } = disagreement
    if (inquiry.records) {
      recordConflict(inquiry.places.state, path.digest, { path: path.path, time: inquiry.now, sides })
    }
    // What listed builders signed about it is kept, even if a cache shows something else later.
    if (inquiry.notesConflicts) await noteSigned(inquiry, path.path, offers)
    return { kind: 'refused', verdict, ...passable(offer, offers) }
  }
  const { judged, signatures } = await judgeOffered(inquiry, offered, offers)
  const verdict: Verdict = { ...judged, strays: [...(judged.strays ?? []), ...silent] }
  const others = othersLike(offer, offers)
  if (verdict.outcome === 'trusted') {
    const records = inquiry.records && (!offered.isPromised || isForContents(verdict))
    const isNew = records && (await recordOffer(inquiry, verdict, path))
    return { kind: 'trusted', verdict, offer, others, signatures, isNew }
  }
  if (offered.isForItsBytes) return { kind: 'unfetched', verdict }
  return { kind: 'refused', verdict, offer, others, signatures }
}

/** Whether all claims that counted are signatures over the contents, and not over a build graph. */
function isForContents({ basis }: Trust): boolean {
  if (basis.kind !== 'claims') return false
  return basis.claims.every(({ role, graph }) => role !== 'approver' && graph === undefined)
}

/**
 * Identifies a path. Its content address counts whichever cache states it: it was checked against
 * the path's name, and the other caches only left it out.
 */
async function whatItIs(
  inquiry: Inquiry,
  path: StorePath,
  offers: readonly [Offer, ...Offer[]],
): Promise<Offered> {
  const said = offers.map(({ narinfo }) => narinfo.contentAddress).find(address => address !== undefined)
  const { narHash } = offers[0].narinfo
  const contentAddress = said ?? addressByName(path, offers[0].narinfo)
  if (isDerivationPath(path)) {
    if (said !== undefined) return { path, kind: 'derivation', isForItsBytes: false, isPromised: false }
    const reason = 'it is named as a derivation and not by its contents, as derivations are'
    throw new FormatError('narinfo', reason, path.path)
  }
  const coming = await identify(inquiry, path, { from: 'caches', narHash, contentAddress })
  const bytes = { narHash, fsPath: undefined }
  if (coming.kind === 'fetched-source') {
    const isProven = contentAddress === undefined || (await haveHash(contentAddress, bytes)) === true
    return { ...coming, isForItsBytes: await isSignedByDeveloper(inquiry, coming), isPromised: !isProven }
  }
  const [maker] = coming.unlike === undefined ? [] : coming.makers
  const declared = maker && declaredFor(maker)
  const isOpen = declared !== undefined && (await haveHash(declared, bytes)) === undefined
  return { ...coming, isForItsBytes: isOpen, isPromised: false }
}

/**
 * Whether a developer's signature is kept here, or is named by a derivation that somebody vouches
 * for.
 */
async function isSignedByDeveloper(inquiry: Inquiry, { path, makers }: Identified): Promise<boolean> {
  const { attestations } = await inquiry.policy()
  if (developerSignatureFiles(attestations, path.path).length > 0) return true
  const vouched = await vouchedFor(inquiry, makers)
  return vouched.some(({ declared = [] }) => declared.some(({ signatures }) => signatures.length > 0))
}

async function judgeOffered(
  inquiry: Inquiry,
  offered: Offered,
  offers: readonly [Offer, ...Offer[]],
): Promise<{ readonly judged: Verdict; readonly signatures: readonly string[] }> {
  const policy = await inquiry.policy()
  const signed = offers.map(({ upstream, narinfo }) => storeSignatureEvidence(policy, narinfo, upstream))
  const [{ narinfo }] = offers
  const { narHash } = narinfo
  const { verdict, ...known } = await judgeElsewhere(inquiry, offered, { narHash, signed })
  const judged = await withReferences(inquiry, verdict, { offers, ...known })
  const listed = signed.flatMap(({ signatures }) => signatures)
  const told = tellingOfUnlike(judged, offered.unlike)
  return { judged: told, signatures: signaturesToPassOn(listed, offers) }
}

/**
 * The signatures that go into the store with a path: those by listed keys, then some others. A key
 * that nobody lists today may be listed tomorrow, and the cache need not have the path any more.
 * The offers say the same of what signatures cover.
 */
function signaturesToPassOn(listed: readonly string[], offers: readonly Offer[]): readonly string[] {
  const others = new Set(offers.flatMap(({ narinfo }) => narinfo.signatures))
  for (const text of listed) others.delete(text)
  const kept = [...others].filter(isNixSignature).slice(0, UNLISTED_LIMIT)
  return [...new Set([...listed, ...kept])]
}

function isNixSignature(text: string): boolean {
  try {
    parseNixSignature(text)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

async function noteSigned(inquiry: Inquiry, path: string, offers: readonly Offer[]): Promise<void> {
  const policy = await inquiry.policy()
  const about = offers.filter(({ narinfo }) => narinfo.path === path)
  const signed = about.map(({ upstream, narinfo }) => storeSignatureEvidence(policy, narinfo, upstream))
  noteConflicts(
    inquiry,
    path,
    signed.flatMap(({ claims }) => claims),
  )
}

/**
 * Returns how these offers disagree with each other or with what is in the store; undefined if they
 * agree.
 */
function disagreementOf(
  { path, kind }: Offered,
  offers: readonly Offer[],
  info: PathInfo | undefined,
): { readonly verdict: Refusal; readonly sides: readonly Side[] } | undefined {
  const sides = offers.map(({ upstream, narinfo }) => sideOf(upstream, narinfo))
  if (info !== undefined) sides.push(sideOf('the store of this machine', info))
  const sayings = new Set(
    [...offers.map(({ narinfo }) => narinfo), ...(info ? [info] : [])].map(narFingerprint),
  )
  if (sayings.size === 1) return undefined
  const verdict: Refusal = {
    outcome: 'untrusted',
    path: path.path,
    kind,
    ground: { kind: 'caches' },
    findings: [{ code: 'disagreement', sides }],
  }
  return { verdict, sides }
}

function isOnDisk(path: string): boolean {
  return identityOf(path) !== undefined
}

function sideOf(who: string, { path, narHash, narSize }: Omit<Side, 'who'>): Side {
  return { who, path, narHash, narSize }
}

function undecided(path: string, obstacles: readonly Trouble[]): Refusal {
  const [first, ...rest] = obstacles.map(
    ({ origin, detail }) => ({ code: 'unreadable', trouble: { origin, detail } }) as const,
  )
  if (first === undefined) throw new RangeError('nothing that is in the way')
  return {
    outcome: 'indeterminate',
    path,
    kind: 'output',
    ground: { kind: 'caches' },
    findings: [first, ...rest],
  }
}
