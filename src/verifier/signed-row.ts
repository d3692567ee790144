/**
 * Judges a path that is about to become valid by the signatures in its row of Nix's database. These
 * are over its references as well, which Nix writes later; so they are looked for in the contents.
 * A signature is over exactly one set of references, which proves or disproves what was found.
 */
import { hashingCost, openWork, type Work, WorkLimitError } from '../crypto/work.ts'
import { signaturesByName, storeSignatureEvidence } from '../evidence/store-signatures.ts'
import { FileError } from '../files/regular-file.ts'
import type { SignedRow } from '../formats/hook-question.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import { wordOnReferences } from '../policy/references.ts'
import type { Refusal, Stray, Verdict } from '../policy/verdict.ts'
import { counted } from '../primitives/counted.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import { beyondGate } from './evidence.ts'
import type { Identified } from './identify.ts'
import type { Incoming } from './incoming.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeElsewhere } from './judge-elsewhere.ts'
import { smallerSets } from './reference-sets.ts'
import { contradicted } from './references.ts'

/** A row of an output, with its NAR hash (hex), that nothing but its signatures can vouch for. */
export interface AskedRow {
  readonly coming: Identified
  readonly narHash: string
  readonly signed: SignedRow
}

/** Units of work (see crypto/work.ts) for sets of references other than what was found. */
const WORK_LIMIT = 8000
/**
 * Of signatures by the names of listed keys, how many are tried with such sets, each with its key.
 */
const TRIED = 8
/** Of sets that evidence states, how many are tried. */
const STATED_LIMIT = 8

const ROW = 'the row of the database'
const NOT_ALL: Stray = {
  problem: 'unused',
  origin: ROW,
  detail: 'it has more signatures than fit into a question, and only the first ones were looked at',
}

/**
 * The references that were verified of large paths, by what the signature covers besides: whoever
 * asked may have gone away before they were found, and asks again. Nix has compared the contents
 * with their hash each time.
 */
const VERIFIED = new Map<string, readonly string[]>()
const VERIFIED_LIMIT = 1000

/** Judges by the row's signatures; `references` are those that the signatures cover. */
export async function judgeSignedRow(inquiry: Inquiry, row: AskedRow): Promise<Incoming> {
  const { narHash, signed } = row
  const path = row.coming.path.path
  if (signed.root === undefined) {
    throw new FileError(
      `it is not known where ${path} lies on the disk, so its references cannot be looked for`,
    )
  }
  const key = `${signed.root}${path} ${narHash} ${signed.narSize}`
  const before = VERIFIED.get(key)
  if (before !== undefined) {
    const again = await judgeOver(inquiry, row, before, signed.signatures)
    if (again.outcome === 'trusted') return { references: before }
  }
  const { pathsNamedIn } = await import('../store/named-paths.ts')
  const nar = { narHash, narSize: signed.narSize }
  let found = await pathsNamedIn(signed.root, path, nar, 'recent')
  let verdict = await judgeOver(inquiry, row, found, signed.signatures)
  if (verdict.outcome !== 'trusted') {
    found = await pathsNamedIn(signed.root, path, nar, 'fresh')
    verdict = await judgeOver(inquiry, row, found, signed.signatures)
  }
  const references = verdict.outcome === 'trusted' ? found : await smallerSet(inquiry, row, found)
  if (references === undefined) return { refusal: verdict as Refusal }
  VERIFIED.set(key, references)
  if (VERIFIED.size > VERIFIED_LIMIT) VERIFIED.delete(VERIFIED.keys().next().value ?? '')
  return { references }
}

/**
 * A smaller set of references than the one found, by which the row is trusted; undefined without
 * one.
 */
async function smallerSet(
  inquiry: Inquiry,
  row: AskedRow,
  found: readonly string[],
): Promise<readonly string[] | undefined> {
  const { coming, narHash, signed } = row
  const self = coming.path.path
  const tried = signaturesByName(await policyOf(inquiry, row), signed.signatures).slice(0, TRIED)
  if (tried.length === 0) return undefined
  const stated = await statedSets(inquiry, row.coming, narHash)
  const work = openWork(WORK_LIMIT)
  for (const references of smallerSets({ found, self, stated })) {
    const about = { path: self, narHash, narSize: signed.narSize, references }
    const message = Buffer.from(narFingerprint(about), 'utf8')
    if (!(await isSpent(work, tried.length * (1 + hashingCost(message.byteLength))))) return undefined
    if (!tried.some(one => verifyEd25519(message, one.signature, one.publicKey))) continue
    const verdict = await judgeOver(inquiry, row, references, signed.signatures)
    if (verdict.outcome === 'trusted') return references
  }
  return undefined
}

/** The sets of references that attestations and kept narinfos state for these contents. */
async function statedSets(
  inquiry: Inquiry,
  { path, kind }: Identified,
  narHash: string,
): Promise<readonly (readonly string[])[]> {
  const { claims } = await inquiry.attested(path.path, { name: path.name, kind })
  const sets = claims.flatMap(claim =>
    claim.narHash === narHash && claim.references !== undefined ? [claim.references] : [],
  )
  const distinct = new Map(sets.map(set => [set.join(' '), set]))
  return [...distinct.values()].slice(0, STATED_LIMIT)
}

/** Spends work; false if there is not as much left. */
async function isSpent(work: Work, units: number): Promise<boolean> {
  try {
    await work.spend(units)
    return true
  } catch (error) {
    if (error instanceof WorkLimitError) return false
    throw error
  }
}

/** The policy about the path of a row, which is an output. */
async function policyOf(inquiry: Inquiry, { coming: { path, kind } }: AskedRow): Promise<Policy> {
  return policyFor(await inquiry.policy(), { name: path.name, kind })
}

/** The verdict, if the path has these references. */
async function judgeOver(
  inquiry: Inquiry,
  row: AskedRow,
  references: readonly string[],
  signatures: readonly string[],
): Promise<Verdict> {
  const { coming, narHash, signed } = row
  const policy = await policyOf(inquiry, row)
  const about = { path: coming.path.path, narHash, narSize: signed.narSize, references, signatures }
  const origin = `${ROW}, over the ${counted(references.length, 'reference')} that its contents name`
  const found = beyondGate(inquiry, storeSignatureEvidence(policy, about, origin))
  const evidence = signed.hasOthers ? { ...found, strays: [...found.strays, NOT_ALL] } : found
  const { verdict, claims } = await judgeElsewhere(inquiry, coming, { narHash, signed: [evidence] })
  if (verdict.outcome !== 'trusted') return verdict
  const word = wordOnReferences(policy, verdict, claims, references, inquiry.now)
  return word.kind === 'contradicted' ? contradicted(verdict, { upstream: ROW, references }, word) : verdict
}
