/**
 * The one place where facts, evidence, policy and ledger meet. To *judge* is to make a verdict from evidence; to
 * *admit* is to take the ledger's word where it has one, else to judge, and to write down what was found trusted.
 */
import { mergeEvidence } from '../evidence/merge.ts'
import { derivationReferences } from '../formats/nix/derivation.ts'
import { isDerivationPath, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { type Admission, isCurrent, readAdmission, writeAdmission } from '../ledger/admissions.ts'
import { readExpected } from '../ledger/expected.ts'
import { identityOf } from '../ledger/stamp.ts'
import { judge } from '../policy/judge.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Evidence, Refusal, Subject, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admittedNow, isAdmitted, isAdmittedAsAny, isDerivationAdmitted } from './admitted.ts'
import { type Input, inputsOf, type Output, readDerivation, type StoredDerivation } from './build.ts'
import { classifyInStore } from './classify.ts'
import { fileNamesOf } from './declared.ts'
import { pathEvidence, rememberedEvidence } from './evidence.ts'
import { graphClaimsOf } from './graph.ts'
import { admitSignature, declaredEvidence, doubting, noSignature } from './in-band.ts'
import type { Inquiry } from './inquiry.ts'
import { recordTrust, rememberBuild } from './record.ts'
import { withSeenConflicts } from './seen-conflicts.ts'

/** Admits a derivation. Undefined: admitted; otherwise why not. */
export function admitDerivation(inquiry: Inquiry, stored: StoredDerivation): Promise<Refusal | undefined> {
  return once(inquiry, `derivation ${stored.path.path}`, () => admitDerivationNow(inquiry, stored))
}

async function admitDerivationNow(inquiry: Inquiry, stored: StoredDerivation): Promise<Refusal | undefined> {
  if (isDerivationAdmitted(await admittedNow(inquiry), stored)) return undefined
  const verdict = await judgeDerivation(inquiry, stored)
  if (verdict.outcome !== 'trusted') return verdict
  if (inquiry.records) await recordTrust(inquiry, verdict, stored.path, stored.path.path)
  return undefined
}

/** The verdict on a derivation (`require.derivation`), whatever the ledger says. */
export async function judgeDerivation(inquiry: Inquiry, stored: StoredDerivation): Promise<Verdict> {
  const subject: Subject = {
    path: stored.path.path,
    name: stored.name,
    kind: 'derivation',
    narHash: stored.narHash,
    builtHere: false,
    derivationKnown: true,
  }
  const remembered = readAdmission(inquiry.places.state, stored.path.digest, stored.path.path)
  const evidence = mergeEvidence([
    await inquiry.attested(stored.path.path),
    rememberedEvidence(remembered, subject.narHash),
  ])
  return judgeWithGraph(inquiry, subject, evidence)
}

/**
 * Admits something that a build needs, with all that it refers to: the build sees that as well. Undefined: admitted;
 * otherwise why not.
 */
export function admitInput(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const { path, kind, part, declared = [] } = input
  const admit = isDerivationPath(path) ? admitDerivationFile : part ? admitNamed : admitInputNow
  const asked = [kind, path.path, part, ...declared.map(({ by }) => by)]
  return once(inquiry, asked.join(' '), () => admit(inquiry, input))
}

/** What is named as a signature and is one may be there as that, and as nothing else; all other is judged as what it is. */
async function admitNamed(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const problem = await admitSignature(inquiry, input, input.part ?? 'either')
  if (problem === undefined) return undefined
  const refusal = await admitInputNow(inquiry, input)
  return refusal && noSignature(refusal, problem)
}

async function admitInputNow(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const now = await admittedNow(inquiry)
  if (isAdmitted(now, input.path, input.kind)) return undefined
  const info = await (await inquiry.store()).pathInfo(input.path.path)
  const entry = readAdmission(now.state, input.path.digest, input.path.path)
  // A derivation can name any path as its source: what was built stays an output.
  const isOutput = info === undefined ? entry?.kind === 'output' : info.ca === undefined
  if (input.kind === 'local-source' && isOutput) {
    return admitInput(inquiry, await classifyInStore(inquiry, input.path.path, info))
  }
  if (info !== undefined && entry?.narHash === info.narHash && entry.kind === input.kind) {
    if (isCurrent(entry, now.policy, now.now)) return admitAgain(inquiry, input, info, entry)
  }
  const verdict = await judgeInput(inquiry, input, wasBuiltHere(inquiry, input, info, entry))
  if (verdict.outcome !== 'trusted') return verdict
  const { refusal, until } = await admitReferences(inquiry, input, info?.references ?? [])
  if (refusal !== undefined) return refusal
  const trust = { ...verdict, ...endOf(verdict.until, until) }
  if (inquiry.records) await recordTrust(inquiry, trust, input.path, input.derivation?.path.path)
  return undefined
}

/**
 * The same bytes at another place of the disk: the store was optimised, or the path went away and came back. Then what
 * it refers to went away as well, and may have come back with other bytes.
 */
async function admitAgain(
  inquiry: Inquiry,
  input: Input,
  info: PathInfo,
  entry: Admission,
): Promise<Refusal | undefined> {
  const { refusal, until } = await admitReferences(inquiry, input, info.references)
  if (refusal !== undefined || !inquiry.records) return refusal
  const stamp = identityOf(input.path.path)
  writeAdmission(inquiry.places.state, input.path.digest, { ...entry, stamp, ...endOf(entry.until, until) })
  return undefined
}

/** A derivation that is not built, but read by a build: it needs to be admitted as what it is. */
async function admitDerivationFile(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const stored = readDerivation(input.path.path)
  const refusal = await admitDerivation(inquiry, stored)
  if (refusal !== undefined) return refusal
  return (await admitReferences(inquiry, input, derivationReferences(stored.derivation))).refusal
}

/**
 * Why an output may not refer to what its build was let have as a signature alone; undefined if it does not. Whoever uses
 * the output sees that file as well, as a file like any other.
 */
export async function refusalOfCarried(
  inquiry: Inquiry,
  output: Output,
  info: PathInfo,
): Promise<Refusal | undefined> {
  const signatures = inputsOf(output.derivation).filter(({ part }) => part !== undefined)
  const carried = signatures.map(({ path }) => path.path).filter(path => info.references.includes(path))
  return (await admitReferences(inquiry, output, carried)).refusal
}

/** Admits what a path refers to, and what that refers to in turn; why not all of it, or the first end among its entries. */
async function admitReferences(
  inquiry: Inquiry,
  { path, kind }: Input,
  references: readonly string[],
): Promise<{ readonly refusal?: Refusal; readonly until?: number }> {
  const now = await admittedNow(inquiry)
  const refusals: Refusal[] = []
  const ends: (number | undefined)[] = []
  for (const text of references) {
    const reference = parseStorePath(text)
    if (text === path.path) continue
    if (!isAdmittedAsAny(now, reference)) {
      const refusal = await admitInput(inquiry, await referenced(inquiry, reference))
      if (refusal !== undefined) refusals.push(refusal)
    }
    ends.push(readAdmission(now.state, reference.digest, text)?.until)
  }
  const refusal = refusedFor(refusals, { path: path.path, kind, rule: 'what it refers to' })
  return refusal === undefined ? endOf(...ends) : { refusal }
}

async function referenced(inquiry: Inquiry, path: StorePath): Promise<Input> {
  if (isDerivationPath(path)) return { path, kind: 'local-source' }
  return classifyInStore(inquiry, path.path, await (await inquiry.store()).pathInfo(path.path))
}

/** One refusal because of others; undefined if there are none. */
export function refusedFor(
  refusals: readonly Refusal[],
  about: Pick<Refusal, 'path' | 'kind' | 'rule'>,
): Refusal | undefined {
  const [first, ...rest] = refusals.map(verdict => ({ code: 'input', path: verdict.path, verdict }) as const)
  if (first === undefined) return undefined
  const certain = refusals.every(refusal => refusal.outcome === 'untrusted')
  return { outcome: certain ? 'untrusted' : 'indeterminate', ...about, findings: [first, ...rest] }
}

function endOf(...ends: readonly (number | undefined)[]): { readonly until?: number } {
  const until = earliest(ends)
  return until === undefined ? {} : { until }
}

/** The verdict on a source or an output, whatever the ledger says. `builtHere`: this machine made it under its hooks. */
export async function judgeInput(inquiry: Inquiry, input: Input, builtHere: boolean): Promise<Verdict> {
  const { path, kind } = input
  const info = await (await inquiry.store()).pathInfo(path.path)
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const narHash = info?.narHash ?? entry?.narHash
  if (narHash === undefined) return notThere(input)
  const subject: Subject = {
    path: path.path,
    name: path.name,
    kind,
    narHash,
    builtHere,
    derivationKnown: kind !== 'output' || input.derivation !== undefined,
  }
  if (kind === 'output' && input.derivation !== undefined) {
    const refusals = builtHere
      ? await admitBuild(inquiry, input.derivation)
      : [await admitDerivation(inquiry, input.derivation)].filter(refusal => refusal !== undefined)
    const refusal = refusedFor(refusals, { path: path.path, kind, rule: 'its own inputs' })
    if (refusal !== undefined) return refusal
  }
  const remembered = rememberedEvidence(entry, narHash)
  const evidence = mergeEvidence([await pathEvidence(inquiry, subject, info, fileNamesOf(input)), remembered])
  if (kind === 'output' || info === undefined)
    return judgeWithGraph(inquiry, subject, evidence, input.derivation)
  return judgeSource(inquiry, input, subject, { evidence, fsPath: path.path })
}

/**
 * The verdict on a source by this evidence and by the signatures that derivations name for it. `fsPath`: where its file
 * lies, with the contents that `subject` names.
 */
export async function judgeSource(
  inquiry: Inquiry,
  input: Input,
  subject: Subject,
  { evidence, fsPath }: { readonly evidence: Evidence; readonly fsPath: string },
): Promise<Verdict> {
  const { troubles, ...declared } = await declaredEvidence(inquiry, input, subject, fsPath)
  const all = mergeEvidence([evidence, { ...declared, troubles: [] }])
  return doubting(await judgeWithGraph(inquiry, subject, all, input.derivation), troubles)
}

/** Answers about a path as one thing once: a build graph has many ways to the same input. */
async function once(
  inquiry: Inquiry,
  asked: string,
  admit: () => Promise<Refusal | undefined>,
): Promise<Refusal | undefined> {
  if (!inquiry.answers.has(asked)) inquiry.answers.set(asked, await admit())
  return inquiry.answers.get(asked)
}

/** Admits a derivation and everything that it is built from; all refusals, none if it may be built. */
export async function admitBuild(inquiry: Inquiry, stored: StoredDerivation): Promise<readonly Refusal[]> {
  const answers = [await admitDerivation(inquiry, stored)]
  const inputs = inputsOf(stored)
  for (const input of inputs) answers.push(await admitInput(inquiry, input))
  const refusals = answers.filter(answer => answer !== undefined)
  if (refusals.length === 0 && inquiry.records) rememberBuild(inquiry.places.state, stored, inputs)
  return refusals
}

/**
 * Whether this machine made a path under its hooks: the ledger says so of these bytes, or its build was let start, the
 * store registered it as made here, and no hook came to judge it.
 */
export function wasBuiltHere(
  inquiry: Inquiry,
  input: Input,
  info: PathInfo | undefined,
  entry: Admission | undefined,
): boolean {
  if (info === undefined) return entry?.builtHere ?? false
  if (entry?.narHash === info.narHash) return entry.builtHere
  const expected = readExpected(inquiry.places.state, input.path.digest)
  return info.ultimate && expected !== undefined && expected.derivation === input.derivation?.path.path
}

/**
 * Judges; where that does not suffice, looks for packagers who signed the build graph of something built from it.
 * `madeBy`: the derivation that makes a fetched source.
 */
export async function judgeWithGraph(
  inquiry: Inquiry,
  subject: Subject,
  found: Evidence,
  madeBy?: StoredDerivation,
): Promise<Verdict> {
  const policy = await inquiry.policy()
  const evidence = await withSeenConflicts(inquiry, subject, found)
  let verdict = judge(policy, subject, evidence, inquiry.now)
  if (verdict.outcome !== 'untrusted' || subject.kind === 'output') return verdict
  const claims = [...evidence.claims]
  for await (const claim of graphClaimsOf(inquiry, subject, madeBy)) {
    claims.push(claim)
    verdict = judge(policy, subject, { ...evidence, claims }, inquiry.now)
    if (verdict.outcome === 'trusted') break
  }
  return verdict
}

function notThere(input: Input): Refusal {
  const trouble = { origin: 'the store', detail: 'it is not there, and the ledger has never seen it' }
  return {
    outcome: 'indeterminate',
    path: input.path.path,
    kind: input.kind,
    rule: 'any',
    findings: [{ code: 'unreadable', trouble }],
  }
}
