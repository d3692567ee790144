/** Signatures that derivations name themselves: what they say of sources, and that they may be in the store at all. */
import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { Evidence, Refusal, Stray, Subject, Trouble, Verdict } from '../policy/verdict.ts'
import { admittedNow, isAdmitted } from './admitted.ts'
import { declaredIn, fileNamesOf, saidOfInput } from './declared-signatures.ts'
import type { Input } from './derivation-parts.ts'
import { readable } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { knownFirst } from './known-inputs-first.ts'
import { makersOf } from './makers.ts'
import { recordSignature } from './record.ts'
import { settleContents } from './settle-contents.ts'

/**
 * Derivations that are read, at most, for what they say of a file that they are built from; and those that say
 * anything.
 */
const REFERRER_LIMIT = 4096
const DECLARATION_LIMIT = 256

/**
 * What the signatures that derivations name say about a source whose file lies at `fsPath`. Its troubles are for
 * `doubting` alone: nothing that is missing here could speak against a source.
 */
export async function declaredEvidence(
  inquiry: Inquiry,
  input: Input,
  subject: Subject,
  fsPath: string,
): Promise<Evidence> {
  const { declared = [] } = input
  if (declared.length === 0) return { claims: [], strays: [], troubles: [] }
  const { inBandEvidence } = await import('../evidence/derivation-signatures.ts')
  const makerOf = async (path: string) =>
    (await makersOf(inquiry, parseStorePath(path)))[0]?.derivation.path.path
  const source = { subject, fsPath, fileNames: fileNamesOf(input) }
  return inBandEvidence(await inquiry.policy(), source, declared, makerOf)
}

/**
 * A source that evaluation copied in, with what derivations in the store that are built from it say of its
 * signatures. For whoever asks about the source alone; a build asks with what its own derivation says.
 */
export async function withWhatReferrersSay<T extends Input>(inquiry: Inquiry, input: T): Promise<T> {
  if (input.kind !== 'local-source') return input
  const referrers = await (await inquiry.store()).referrers(input.path.path)
  const derivations = referrers.filter(path => path.endsWith('.drv'))
  const declared: Declaration[] = []
  for (const path of await knownFirst(inquiry, derivations, REFERRER_LIMIT)) {
    const stored = readable(path)
    if (stored !== undefined) declared.push(...saidOfInput(declaredIn(stored), input.path.path))
    if (declared.length >= DECLARATION_LIMIT) break
  }
  return { ...input, declared: declared.map(each => ({ ...each, isHearsay: true })) }
}

/** A verdict that was made without these troubles: where it is a no, they leave it undecided; else they are told. */
export function doubting(verdict: Verdict, troubles: readonly Trouble[]): Verdict {
  const [first, ...rest] = troubles.map(trouble => ({ code: 'unreadable', trouble }) as const)
  if (first === undefined) return verdict
  if (verdict.outcome === 'trusted') {
    const strays = troubles.map((trouble): Stray => ({ problem: 'unreadable', ...trouble }))
    return { ...verdict, strays: [...verdict.strays, ...strays] }
  }
  return { ...verdict, outcome: 'indeterminate', findings: [first, ...rest, ...verdict.findings] }
}

/** What derivations say of a source's signatures that cannot be read, without a look at any signature. */
export function unreadableIn({ declared = [] }: Pick<Input, 'declared'>): readonly Trouble[] {
  return declared.flatMap(({ by, problem, isHearsay }) =>
    problem === undefined || isHearsay ? [] : [{ origin: by, detail: problem }],
  )
}

/**
 * Lets a path be there as the signature that a derivation names it as. Undefined: it may; otherwise why it is none.
 * Only what was fetched or copied in and refers to nothing can be one.
 */
export async function admitSignature(
  inquiry: Inquiry,
  { path, kind, derivation }: Input,
  part: SignaturePart,
): Promise<string | undefined> {
  if (isAdmitted(await admittedNow(inquiry), path, 'signature')) return undefined
  const info = await (await inquiry.store()).pathInfo(path.path)
  if (info === undefined) return 'it is not in the store'
  if (info.ca === undefined) return 'it was built'
  if (info.references.length > 0) return 'it refers to other paths'
  const settled = await settleContents(inquiry, { path, kind }, info)
  if ('refusal' in settled) return 'its contents were changed'
  const { whyNoSignature } = await import('../evidence/derivation-signatures.ts')
  const problem = whyNoSignature(path.path, part)
  if (problem !== undefined || !inquiry.records) return problem
  const { stamp } = settled
  await recordSignature(inquiry, path, { narHash: info.narHash, stamp, derivation: derivation?.path.path })
  return undefined
}

/** A refusal of what is said to be a signature, with why it is none. */
export function noSignature(refusal: Refusal, detail: string): Refusal {
  return { ...refusal, findings: [{ code: 'not-a-signature', detail }, ...refusal.findings] }
}
