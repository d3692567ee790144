/**
 * Judges a path that is about to become valid by the signatures in its row of Nix's database. These
 * are over its references as well, which Nix writes later; so they are looked for in the contents.
 * A signature is over exactly one set of references, which proves or disproves what was found.
 */
import { hashingCost, openWork, type Work, WorkLimitError } from '../crypto/work.ts'
import { namesOfNixKeys, storeSignatureEvidence } from '../evidence/store-signatures.ts'
import { FileError } from '../files/regular-file.ts'
import type { SignedRow } from '../formats/hook-question.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { wordOnReferences } from '../policy/references.ts'
import type { Evidence, Verdict } from '../policy/verdict.ts'
import { counted } from '../primitives/counted.ts'
import type { Identified } from './identify.ts'
import type { Incoming } from './incoming.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeElsewhere } from './judge-elsewhere.ts'
import { contradicted } from './references.ts'

/** A row of an output, with its NAR hash (hex), that nothing but its signatures can vouch for. */
export interface AskedRow {
  readonly coming: Identified
  readonly narHash: string
  readonly signed: SignedRow
}

/** Units of work (see crypto/work.ts) for sets of references other than what was found. */
const WORK_LIMIT = 8000
/** Of signatures by the names of listed keys, how many are tried with such sets. */
const TRIED = 8
/** If no more paths than this are named, two of them are left out as well. */
const PAIRS_LIMIT = 24

const ROW = 'the row of the database'

/** Judges by the row's signatures; `references` are those that the signatures cover. */
export async function judgeSignedRow(inquiry: Inquiry, row: AskedRow): Promise<Incoming> {
  const { coming, narHash, signed } = row
  const path = coming.path.path
  if (signed.root === undefined) {
    throw new FileError(
      `it is not known where ${path} lies on the disk, so its references cannot be looked for`,
    )
  }
  const { pathsNamedIn } = await import('../store/named-paths.ts')
  const found = await pathsNamedIn(signed.root, path, { narHash, narSize: signed.narSize })
  const policy = await inquiry.policy()
  const about = { path, narHash, narSize: signed.narSize, references: found, signatures: signed.signatures }
  const crowdedOut = signed.hasOthers ? { crowdedOut: 1 } : {}
  const origin = `${ROW}, over the ${counted(found.length, 'reference')} found in its contents`
  const evidence = storeSignatureEvidence(policy, { ...about, ...crowdedOut }, origin)
  const first = await judgeWith(inquiry, row, found, evidence)
  if (first.outcome === 'trusted') return { references: found }
  const listed = namedBy(namesOfNixKeys(policy), signed.signatures).slice(0, TRIED)
  const work = openWork(WORK_LIMIT)
  for (const references of listed.length === 0 ? [] : smallerSets(found)) {
    const other = { ...about, references, signatures: listed }
    const isLeft = await isSpent(work, listed.length * (1 + hashingCost(narFingerprint(other).length)))
    if (!isLeft) break
    const claimed = storeSignatureEvidence(
      policy,
      other,
      `${ROW}, over ${counted(references.length, 'reference')}`,
    )
    if (claimed.claims.length === 0) continue
    const verdict = await judgeWith(inquiry, row, references, claimed)
    if (verdict.outcome === 'trusted') return { references }
  }
  return { refusal: first }
}

/** Those that name one of these keys. */
function namedBy(names: ReadonlySet<string>, signatures: readonly string[]): readonly string[] {
  return signatures.filter(text => names.has(text.slice(0, text.indexOf(':'))))
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

/**
 * What contents name need not be a reference: a path that was not there during the build, such as
 * one in a manual. So one path is left out, each in turn, and of a few also two.
 */
function* smallerSets(found: readonly string[]): Generator<readonly string[]> {
  for (const one of found) yield found.filter(path => path !== one)
  if (found.length > PAIRS_LIMIT) return
  for (const [index, one] of found.entries()) {
    for (const two of found.slice(index + 1)) yield found.filter(path => path !== one && path !== two)
  }
}

async function judgeWith(
  inquiry: Inquiry,
  { coming, narHash }: AskedRow,
  references: readonly string[],
  evidence: Evidence,
): Promise<Verdict> {
  const { verdict, claims } = await judgeElsewhere(inquiry, coming, { narHash, signed: [evidence] })
  if (verdict.outcome !== 'trusted') return verdict
  const word = wordOnReferences(await inquiry.policy(), verdict, claims, references, inquiry.now)
  return word.kind === 'contradicted' ? contradicted(verdict, { upstream: ROW, references }, word) : verdict
}
