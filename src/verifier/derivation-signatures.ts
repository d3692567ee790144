/**
 * Signatures that derivations name: what they say about sources, and whether they may be in the
 * store at all.
 */
import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { Evidence, Refusal, Stray, Subject, Trouble, Verdict } from '../policy/verdict.ts'
import { admittedNow, isAdmitted } from './admitted.ts'
import { declaredIn, fileNamesOf, saidOfInput } from './declared-signatures.ts'
import type { Input } from './derivation-parts.ts'
import { readable } from './graph-members.ts'
import type { Inquiry } from './inquiry.ts'
import { knownFirst } from './known-derivations-first.ts'
import { makersOf } from './makers.ts'
import { recordSignature } from './record.ts'
import { settleContents } from './settle-contents.ts'

/**
 * The most derivations that are read for what they say about one of their inputs, and the most
 * declarations that are used.
 */
const REFERRER_LIMIT = 4096
const DECLARATION_LIMIT = 256

/**
 * Returns what the signatures named by derivations say about a source whose file lies at `fsPath`.
 * Pass its troubles only to `doubting`: a signature that is missing here cannot speak against a
 * source.
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
 * Adds to a source that evaluation copied in what derivations in the store that are built from it
 * say about its signatures. For questions about the source alone; a build uses what its own
 * derivation says.
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

/**
 * Applies troubles to a verdict that was made without them: a refusal becomes undecided, and a
 * trusted verdict lists them as strays.
 */
export function doubting(verdict: Verdict, troubles: readonly Trouble[]): Verdict {
  const [first, ...rest] = troubles.map(trouble => ({ code: 'unreadable', trouble }) as const)
  if (first === undefined) return verdict
  if (verdict.outcome === 'trusted') {
    const strays = troubles.map((trouble): Stray => ({ problem: 'unreadable', ...trouble }))
    return { ...verdict, strays: [...verdict.strays, ...strays] }
  }
  return { ...verdict, outcome: 'indeterminate', findings: [first, ...rest, ...verdict.findings] }
}

/**
 * Returns, as troubles, the declarations about a source's signatures that cannot be read. Looks at
 * no signature.
 */
export function unreadableIn({ declared = [] }: Pick<Input, 'declared'>): readonly Trouble[] {
  return declared.flatMap(({ by, problem, isHearsay }) =>
    problem === undefined || isHearsay ? [] : [{ origin: by, detail: problem }],
  )
}

/**
 * Admits a path as the signature that a derivation names it as. Returns undefined if it was
 * admitted, otherwise why it is not a signature. Only a path that was fetched or copied in and has
 * no references can be one.
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

/** Adds to a refusal why the path is not the signature that it is named as. */
export function noSignature(refusal: Refusal, detail: string): Refusal {
  return { ...refusal, findings: [{ code: 'not-a-signature', detail }, ...refusal.findings] }
}
