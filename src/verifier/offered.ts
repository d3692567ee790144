/** Judges what binary caches say about a path before Nix fetches it. */
import type { Offer, Said, UpstreamAnswer } from '../evidence/upstreams/upstream.ts'
import type { ContentAddress } from '../formats/nix/content-address.ts'
import { isContentAddressed } from '../formats/nix/narinfo.ts'
import { parseStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { recordConflict } from '../ledger/conflicts.ts'
import { identityOf } from '../ledger/stamp.ts'
import { earliest } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy, SubjectKind } from '../policy/policy.ts'
import type { Claim, Finding, Refusal, Stray, Trust, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { tellingOfUnlike } from './declared-contents.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeElsewhere } from './judge-elsewhere.ts'
import { type Offered, whatItIs } from './offered-path.ts'
import { recordOffer } from './record.ts'
import { withReferences } from './references.ts'
import { refusalOf } from './refusal-of-error.ts'
import { noteConflicts } from './seen-conflicts.ts'
import { signaturesToPassOn } from './signatures-to-pass-on.ts'
import { disagreementOf, standingWord, straysOf, untilOf, type Word, wordsOf } from './words-of-caches.ts'

/** The result of asking binary caches for a path. */
export type OfferOutcome =
  /** Nobody has it. `silent`: the upstreams that gave no answer. */
  | { readonly kind: 'absent'; readonly silent: readonly Stray[] }
  /** Nobody offers it, and what some upstreams would say of it is unknown. */
  | { readonly kind: 'unanswered'; readonly verdict: Refusal; readonly strays: readonly Stray[] }
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
  const [offer, ...others] = answers.flatMap(({ said }) => (said.kind === 'offer' ? [said.offer] : []))
  const strays = answers.flatMap(({ upstream, said }) => strayOf(upstream, said))
  if (offer === undefined) {
    const saysNo = answers.some(({ said }) => said.kind === 'absent')
    // Who is silent beside others is skipped; who cannot be understood may have the path.
    const [first, ...rest] = strays.filter(({ problem }) => problem !== 'no-answer' || !saysNo)
    if (first === undefined) return { kind: 'absent', silent: strays }
    // Nobody offers the path, so its name is not known either.
    return { kind: 'unanswered', verdict: undecided(`${STORE_DIR}/${digest}-*`, [first, ...rest]), strays }
  }
  try {
    return await admitOffer(inquiry, [offer, ...others], strays)
  } catch (error) {
    const verdict = refusalOf(error, offer.narinfo.path, 'output')
    return { kind: 'refused', verdict, ...(await passableOf(inquiry, [offer, ...others])) }
  }
}

/** What is told of an upstream that did not answer, or whose answer cannot be read. */
function strayOf(origin: string, said: Said): readonly Stray[] {
  if (said.kind === 'silent') return [{ problem: 'no-answer', origin, detail: said.detail }]
  return said.kind === 'malformed' ? [{ problem: 'unread-answer', origin, detail: said.detail }] : []
}

/**
 * What a refusal lets through in warn mode, with all signatures of it: the word of which listed
 * keys signed something, or else the first.
 */
function passable(words: readonly [Word, ...Word[]]) {
  const { offers, signed } = words.find(({ backing }) => backing.length > 0) ?? words[0]
  const [offer, ...others] = offers
  return { offer, others, signatures: signaturesIn({ offers, signed }) }
}

/** The same where judging came to nothing; nothing without a policy, for then nothing passes. */
async function passableOf(inquiry: Inquiry, offers: Offers) {
  const policy = await inquiry.policy().catch(() => undefined)
  return policy === undefined ? {} : passable(wordsOf(aboutOutput(policy, offers), inquiry.now, offers))
}

/** The policy about what caches offer: signatures of theirs are those of builders. */
function aboutOutput(policy: Policy, [{ narinfo }]: Offers): Policy {
  return policyFor(policy, { name: parseStorePath(narinfo.path).name, kind: 'output' })
}

function signaturesIn({ signed, offers }: Pick<Word, 'signed' | 'offers'>): readonly string[] {
  return signaturesToPassOn(
    signed.flatMap(({ signatures }) => signatures),
    offers,
  )
}

async function admitOffer(inquiry: Inquiry, offers: Offers, strays: readonly Stray[]): Promise<OfferOutcome> {
  const words = wordsOf(aboutOutput(await inquiry.policy(), offers), inquiry.now, offers)
  const stored = await storedAs(inquiry, offers)
  const standing = standingWord(words, stored)
  if (standing.kind === 'one') {
    return conclude(inquiry, await judgeWord(inquiry, standing.word, { words, offers }), strays)
  }
  const judged: JudgedWord[] = []
  if (standing.kind === 'open') {
    for (const word of words) judged.push(await judgeWord(inquiry, word, { words, offers }))
  }
  const one = oneOf(judged)
  if (one !== undefined) return conclude(inquiry, one, strays)
  const { verdict, sides } = disagreementOf(await kindOf(inquiry, { words, offers }), words, stored)
  const { path } = verdict
  if (inquiry.records) {
    const { digest } = parseStorePath(path)
    recordConflict(inquiry.places.state, digest, { path, time: inquiry.now, sides })
  }
  // What listed builders signed about it is kept, even if a cache shows something else later.
  if (inquiry.notesConflicts) noteConflicts(inquiry, path, claimsAbout(path, words))
  return { kind: 'refused', verdict: { ...verdict, strays }, ...passable(words) }
}

type Offers = readonly [Offer, ...Offer[]]

/** All that is offered of a path. */
interface AllSaid {
  readonly words: readonly [Word, ...Word[]]
  readonly offers: Offers
}

/** A word of the caches, and what would become of the path if only that had been said. */
interface JudgedWord {
  readonly offered: Offered
  readonly word: Word
  readonly verdict: Verdict
  readonly signatures: readonly string[]
}

/** Whether all paths that are offered are in the store, and as what. */
async function storedAs(inquiry: Inquiry, offers: Offers): Promise<readonly PathInfo[]> {
  const stored: PathInfo[] = []
  for (const path of new Set(offers.map(({ narinfo }) => narinfo.path))) {
    // Asking the store about a path that is not on the disk would cost more than everything else
    // here.
    const info = isOnDisk(path) ? await (await inquiry.store()).pathInfo(path) : undefined
    if (info !== undefined) stored.push(info)
  }
  return stored
}

/**
 * Of words that nobody signed: the only one that other evidence or the path's own name speaks for,
 * or else one for which only the bytes can speak, since no cache is believed then. Undefined if
 * neither is found.
 */
function oneOf(judged: readonly JudgedWord[]): JudgedWord | undefined {
  const trusted = judged.filter(({ verdict }) => verdict.outcome === 'trusted')
  const proven = trusted.filter(({ offered }) => offered.isProven)
  const [one, ...more] = proven.length === 1 ? proven : trusted
  if (one === undefined) return judged.find(({ offered }) => offered.isForItsBytes)
  return more.length === 0 ? one : undefined
}

/** Never throws for a fault of the path, of its evidence or of the store. */
async function judgeWord(inquiry: Inquiry, word: Word, said: AllSaid): Promise<JudgedWord> {
  const path = parseStorePath(word.offers[0].narinfo.path)
  const others = said.words.filter(other => other !== word)
  try {
    const offered = await whatItIs(inquiry, path, { word, ...said })
    const { judged, signatures } = await judgeOffered(inquiry, offered, word, others)
    const strays = [...(judged.strays ?? []), ...straysOf(others)]
    const until = untilOf(aboutOutput(await inquiry.policy(), word.offers), word, others, inquiry.now)
    const verdict =
      judged.outcome === 'trusted' ? endingAt({ ...judged, strays }, until) : { ...judged, strays }
    return { offered, word, verdict, signatures }
  } catch (error) {
    const offered: Offered = {
      path,
      kind: 'output',
      isForItsBytes: false,
      isPromised: false,
      isProven: false,
    }
    const signatures = signaturesIn(word)
    return { offered, word, verdict: refusalOf(error, path.path, 'output'), signatures }
  }
}

function endingAt(trust: Trust, end: number | undefined): Trust {
  const until = earliest([trust.until, end])
  return until === undefined ? trust : { ...trust, until }
}

/** Records what is admitted, and says what becomes of the path. */
async function conclude(
  inquiry: Inquiry,
  judged: JudgedWord,
  strays: readonly Stray[],
): Promise<OfferOutcome> {
  const { offered, word, signatures } = judged
  const verdict: Verdict = { ...judged.verdict, strays: [...(judged.verdict.strays ?? []), ...strays] }
  const [first, ...others] = word.offers
  const offer = withAddress(first, offered.contentAddress)
  if (verdict.outcome === 'trusted') {
    const records = inquiry.records && (!offered.isPromised || isForContents(verdict))
    const isNew = records && (await recordOffer(inquiry, verdict, offered.path))
    return { kind: 'trusted', verdict, offer, others, signatures, isNew }
  }
  if (offered.isForItsBytes) return { kind: 'unfetched', verdict }
  return { kind: 'refused', verdict, offer, others, signatures }
}

/**
 * The offer with a content address that another cache stated: Nix compares the contents with it,
 * and registers the path as what it was judged as.
 */
function withAddress(offer: Offer, contentAddress: ContentAddress | undefined): Offer {
  const narinfo = { ...offer.narinfo, contentAddress }
  const isNew = offer.narinfo.contentAddress === undefined && isContentAddressed(narinfo)
  return isNew ? { ...offer, narinfo } : offer
}

async function kindOf(inquiry: Inquiry, said: AllSaid): Promise<SubjectKind> {
  const [word] = said.words
  const path = parseStorePath(word.offers[0].narinfo.path)
  const kind = whatItIs(inquiry, path, { word, ...said }).then(offered => offered.kind)
  return kind.catch((): SubjectKind => 'output')
}

/** What listed builders signed of the path with this name, whoever offers it. */
function claimsAbout(path: string, words: readonly Word[]): readonly Claim[] {
  const claims = words.flatMap(({ signed }) => signed.flatMap(evidence => evidence.claims))
  return claims.filter(claim => claim.path === path)
}

/** Whether all claims that counted are signatures over the contents, and not over a build graph. */
function isForContents({ basis }: Trust): boolean {
  if (basis.kind !== 'claims') return false
  return basis.claims.every(({ role, graph }) => role !== 'approver' && graph === undefined)
}

async function judgeOffered(
  inquiry: Inquiry,
  offered: Offered,
  word: Word,
  others: readonly Word[],
): Promise<{ readonly judged: Verdict; readonly signatures: readonly string[] }> {
  const { offers, signed } = word
  const { narHash } = offers[0].narinfo
  // Builders whose keys are not valid yet, and who will be in conflict then.
  const claims = others.flatMap(({ later }) => later).filter(claim => claim.narHash !== narHash)
  const evidence = [...signed, { claims, strays: [], troubles: [] }]
  const { verdict, ...known } = await judgeElsewhere(inquiry, offered, { narHash, signed: evidence })
  const judged = await withReferences(inquiry, verdict, { offers, ...known })
  return { judged: tellingOfUnlike(judged, offered.unlike), signatures: signaturesIn(word) }
}

function isOnDisk(path: string): boolean {
  return identityOf(path) !== undefined
}

function undecided(path: string, obstacles: readonly [Stray, ...Stray[]]): Refusal {
  const [first, ...rest] = obstacles.map(
    ({ origin, detail }) => ({ code: 'unreadable', trouble: { origin, detail } }) as const,
  ) as [Finding, ...Finding[]]
  return {
    outcome: 'indeterminate',
    path,
    kind: 'output',
    ground: { kind: 'caches' },
    findings: [first, ...rest],
  }
}
