/** Judges what binary caches say of a path before any of it is here. */
import { mergeEvidence } from '../evidence/merge.ts'
import { developerSignatureFiles } from '../evidence/signature-files.ts'
import { storeSignatureEvidence } from '../evidence/store-signatures.ts'
import type { Answer, Offer } from '../evidence/upstreams/offer.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import {
  derivationName,
  isDerivationPath,
  parseStorePath,
  STORE_DIR,
  type StorePath,
} from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { recordConflict } from '../ledger/conflicts.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Evidence, Refusal, Side, Stray, Subject, Trouble, Trust, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { judgeWithGraph, refusedFor } from './admit.ts'
import type { StoredDerivation } from './build.ts'
import { classifyInStore } from './classify.ts'
import { rememberedEvidence } from './evidence.ts'
import type { Inquiry } from './inquiry.ts'
import { admitMaking } from './making.ts'
import { recordOffer } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'
import { noteConflicts } from './seen-conflicts.ts'

/** What becomes of a question that binary caches were asked. */
export type OfferOutcome =
  /** Nobody has it; of the upstreams that were asked, these gave no answer. */
  | { readonly kind: 'absent'; readonly silent: readonly Stray[] }
  | {
      readonly kind: 'trusted'
      readonly verdict: Trust
      readonly offer: Offer
      /** Of all offers, those by keys of the trusted list. */
      readonly signatures: readonly string[]
      /** Whether it was not in the ledger yet. */
      readonly isNew: boolean
    }
  /** Refused. `offer`: what could be passed on by a policy that only warns, with such signatures. */
  | {
      readonly kind: 'refused'
      readonly verdict: Refusal
      readonly offer?: Offer
      readonly signatures?: readonly string[]
    }
  /** What would vouch for it can only be checked over the file itself, so Nix has to fetch it from its origin. */
  | { readonly kind: 'unfetched'; readonly verdict: Refusal }

/** What is known of an offered path without trusting anybody. */
interface Offered {
  readonly path: StorePath
  readonly kind: SubjectKind
  readonly derivation?: StoredDerivation
  /** A developer's own signature on it is named or kept here. */
  readonly isSigned: boolean
}

/**
 * Judges what upstreams answered about one path, and writes down what may come and who disagreed. `digest` is the hash part
 * of the path. Never throws for what is wrong with an answer, the evidence or the store: that is a refusal.
 */
export async function admitOffers(
  inquiry: Inquiry,
  digest: string,
  answers: readonly Answer[],
): Promise<OfferOutcome> {
  const offers = answers.flatMap(({ said }) => (said.kind === 'offer' ? [said.offer] : []))
  const silent = answers.flatMap(({ upstream, said }): readonly Stray[] =>
    said.kind === 'silent' ? [{ problem: 'no-answer', origin: upstream, detail: said.detail }] : [],
  )
  const troubles = answers.flatMap(({ upstream, said }): readonly Trouble[] =>
    said.kind === 'malformed' ? [{ origin: upstream, detail: said.detail }] : [],
  )
  const [offer] = offers
  // Of a path that nobody offers not even the name is known.
  const path = offer?.narinfo.path ?? `${STORE_DIR}/${digest}-*`
  const isUnanswered = offer === undefined && answers.length > 0 && silent.length === answers.length
  const obstacles = isUnanswered ? silent : troubles
  if (obstacles.length > 0) {
    const verdict = undecided(path, obstacles)
    return offer === undefined ? { kind: 'refused', verdict } : { kind: 'refused', verdict, offer }
  }
  if (offer === undefined) return { kind: 'absent', silent }
  try {
    return await admitOffer(inquiry, [offer, ...offers.slice(1)], silent)
  } catch (error) {
    return { kind: 'refused', verdict: refusalOf(error, path, 'output'), offer }
  }
}

async function admitOffer(
  inquiry: Inquiry,
  offers: readonly [Offer, ...Offer[]],
  silent: readonly Stray[],
): Promise<OfferOutcome> {
  const [offer] = offers
  const path = parseStorePath(offer.narinfo.path)
  // Asking the store about what is not on the disk costs more than all the rest.
  const info = isOnDisk(path.path) ? await (await inquiry.store()).pathInfo(path.path) : undefined
  const offered = await whatItIs(inquiry, path, offer)
  const disagreement = disagreementOf(offered, offers, info)
  if (disagreement !== undefined) {
    const { verdict, sides } = disagreement
    if (inquiry.records) {
      recordConflict(inquiry.places.state, path.digest, { path: path.path, time: inquiry.now, sides })
    }
    // What listed builders signed of it stands, also once a cache shows something else.
    if (inquiry.notesConflicts) await noteSigned(inquiry, path.path, offers)
    return { kind: 'refused', verdict, offer }
  }
  const { judged, signatures } = await judgeOffered(inquiry, offered, offers)
  const verdict: Verdict = { ...judged, strays: [...(judged.strays ?? []), ...silent] }
  if (verdict.outcome === 'trusted') {
    const isNew =
      inquiry.records && (await recordOffer(inquiry, verdict, path, offered.derivation?.path.path))
    return { kind: 'trusted', verdict, offer, signatures, isNew }
  }
  if (offered.isSigned) return { kind: 'unfetched', verdict }
  return { kind: 'refused', verdict, offer, signatures }
}

/**
 * What a path is: what a derivation in the store says that it makes. Of others, what is named by its contents is a source,
 * the text of a derivation is one, and all else is an output.
 */
async function whatItIs(inquiry: Inquiry, path: StorePath, { narinfo }: Offer): Promise<Offered> {
  if (isDerivationPath(path)) return { path, kind: 'derivation', isSigned: false }
  const known = await classifyInStore(inquiry, path.path, undefined)
  const isNamedByContents = narinfo.contentAddress !== undefined
  const kind = known.derivation === undefined && isNamedByContents ? 'fetched-source' : known.kind
  const { attestations } = await inquiry.policy()
  const isSigned =
    kind === 'fetched-source' &&
    (known.declared?.some(({ signatures }) => signatures.length > 0) === true ||
      developerSignatureFiles(attestations, path.path).length > 0)
  const offered = { path, kind, isSigned }
  return known.derivation === undefined ? offered : { ...offered, derivation: known.derivation }
}

async function judgeOffered(
  inquiry: Inquiry,
  { path, kind, derivation }: Offered,
  offers: readonly [Offer, ...Offer[]],
): Promise<{ readonly judged: Verdict; readonly signatures: readonly string[] }> {
  const [{ narinfo, upstream }] = offers
  if (kind === 'derivation' && narinfo.contentAddress === undefined) {
    const detail = 'it is named as a derivation and not by its contents, as derivations are'
    return { judged: undecided(path.path, [{ origin: upstream, detail }]), signatures: [] }
  }
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const subject: Subject = {
    path: path.path,
    name: kind === 'derivation' ? derivationName(path) : path.name,
    kind,
    narHash: narinfo.narHash,
    builtHere: entry?.builtHere === true && entry.narHash === narinfo.narHash,
    derivationKnown: kind !== 'output' || derivation !== undefined,
  }
  if (kind === 'output' && derivation !== undefined && !subject.builtHere) {
    const refusals = await admitMaking(inquiry, derivation)
    const refusal = refusedFor(refusals, { path: path.path, kind, rule: 'what it is made of' })
    if (refusal !== undefined) return { judged: refusal, signatures: [] }
  }
  const policy = await inquiry.policy()
  const signed = offers.map(({ upstream, narinfo }) => storeSignatureEvidence(policy, narinfo, upstream))
  const evidence: readonly Evidence[] = [
    ...signed,
    await inquiry.attested(path.path),
    rememberedEvidence(entry, subject.narHash),
  ]
  const judged = await judgeWithGraph(inquiry, subject, mergeEvidence(evidence), derivation)
  return { judged, signatures: [...new Set(signed.flatMap(({ signatures }) => signatures))] }
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

/** Why these offers do not go together, or not with what is in the store; undefined if they do. */
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
    rule: 'every rule',
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
  return { outcome: 'indeterminate', path, kind: 'output', rule: 'any', findings: [first, ...rest] }
}
