/**
 * Whether anybody vouches for the references that binary caches state for a path, before nixsig
 * signs them: docs/semantics.md, G13. That can be builders whose claims count, the path's own name,
 * or else its contents.
 */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { discardsReferences } from '../formats/nix/discarded-references.ts'
import { isContentAddressed, narFingerprint } from '../formats/nix/narinfo.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { earliest } from '../policy/key-standing.ts'
import { type WordOnReferences, wordOnReferences } from '../policy/references.ts'
import type { Claim, Finding, Refusal, Trust, Verdict } from '../policy/verdict.ts'
import { pathWord } from '../policy/words.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import { candidatesOf } from './candidates.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import { type Conclusion, concludeFrom, impossible, wantedFor } from './found-references.ts'
import { addressByName } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import { outputsOf } from './stored-derivation.ts'

/**
 * What is known about a path that binary caches offer. All offers agree on what a signature covers.
 */
export interface OfferedPath {
  readonly offers: readonly [Offer, ...Offer[]]
  /** The derivation that makes it, if that is known. */
  readonly derivation: StoredDerivation | undefined
  /** All that is known about who signed what. */
  readonly claims: readonly Claim[]
}

/** The most results of looking into contents that are kept. */
const COUNT_LIMIT = 10_000
/**
 * What was looked into and found right: SHA-256, hex, of the derivation and the statement of the
 * caches.
 */
const RIGHT = new Set<string>()

/** Returns the verdict if somebody vouches for the offered references; otherwise a refusal. */
export async function withReferences(
  inquiry: Inquiry,
  verdict: Verdict,
  offered: OfferedPath,
): Promise<Verdict> {
  if (verdict.outcome !== 'trusted') return verdict
  const { offers, claims } = offered
  const [{ narinfo, upstream }] = offers
  // Its name is computed from its contents and from these exact references.
  const isNamedByContents = addressByName(parseStorePath(narinfo.path), narinfo) !== undefined
  if (isNamedByContents || offers.some(offer => isContentAddressed(offer.narinfo))) return verdict
  const references = [...new Set(narinfo.references)].sort()
  const word = wordOnReferences(await inquiry.policy(), verdict, claims, references, inquiry.now)
  if (word.kind === 'vouched') return untilThen(verdict, word.until)
  if (word.kind === 'contradicted') return contradicted(verdict, { upstream, references }, word)
  const conclusion = await concludeByContents(inquiry, verdict, { ...offered, references })
  switch (conclusion.kind) {
    case 'right':
      return verdict
    case 'wrong': {
      const { added, missing } = conclusion
      return refused(verdict, { code: 'references', upstream, added, missing })
    }
    case 'open':
      return refused(verdict, { code: 'unvouched-references', detail: conclusion.detail })
  }
}

/**
 * The refusal of a path whose references, as `upstream` states them, are not those that a claim
 * which counts for it states.
 */
export function contradicted(
  verdict: Trust,
  { upstream, references }: { readonly upstream: string; readonly references: readonly string[] },
  { who, claim }: Extract<WordOnReferences, { kind: 'contradicted' }>,
): Refusal {
  const by = { who, origin: claim.origin }
  const differences = differencesOf(references, claim.references ?? [])
  return refused(verdict, { code: 'references', upstream, ...differences, by })
}

interface Asked extends OfferedPath {
  /** The references that the caches state, sorted. */
  readonly references: readonly string[]
}

async function concludeByContents(
  inquiry: Inquiry,
  { subject: { path, kind } }: Trust,
  { offers, derivation, references }: Asked,
): Promise<Conclusion> {
  if (kind !== 'output') {
    // A fetched path refers to nothing.
    return references.length === 0 ? { kind: 'right' } : { kind: 'wrong', added: references, missing: [] }
  }
  const key = toHex(sha256(Buffer.from(`${derivation?.path.path} ${narFingerprint(offers[0].narinfo)}`)))
  if (RIGHT.has(key)) return { kind: 'right' }
  const candidates = derivation && (await candidatesOf(inquiry, derivation))
  const stated = { path, references, candidates }
  const added = impossible(stated)
  if (added.length > 0) return { kind: 'wrong', added, missing: [] }
  const { scanOffered } = await import('./scan-offered.ts')
  const scanned = await scanOffered(offers, wantedFor(stated))
  if ('problem' in scanned) return { kind: 'open', detail: scanned.problem }
  const conclusion = concludeFrom(scanned.found, stated)
  if (conclusion.kind === 'wrong' && references.length === 0 && isDiscarding(derivation, path)) {
    const names = conclusion.missing.slice(0, 1).map(pathWord).join()
    return {
      kind: 'open',
      detail: `its derivation discards references, which not every Nix does; it names ${names}`,
    }
  }
  if (conclusion.kind === 'right') remember(key)
  return conclusion
}

function remember(key: string): void {
  RIGHT.add(key)
  if (RIGHT.size > COUNT_LIMIT) RIGHT.delete(RIGHT.keys().next().value ?? '')
}

function isDiscarding(derivation: StoredDerivation | undefined, path: string): boolean {
  const output = derivation && outputsOf(derivation).find(made => made.path.path === path)
  return output !== undefined && discardsReferences(output.derivation.derivation, output.name)
}

function differencesOf(stated: readonly string[], true_: readonly string[]) {
  return {
    added: stated.filter(path => !true_.includes(path)),
    missing: true_.filter(path => !stated.includes(path)),
  }
}

function untilThen(trust: Trust, end: number | undefined): Trust {
  const until = earliest([trust.until, end])
  return until === undefined ? trust : { ...trust, until }
}

function refused(
  { subject, strays }: Trust,
  finding: Extract<Finding, { code: 'references' | 'unvouched-references' }>,
): Refusal {
  const outcome = finding.code === 'references' ? 'untrusted' : 'indeterminate'
  const { path, kind } = subject
  return { outcome, path, kind, ground: { kind: 'references' }, findings: [finding], strays }
}
