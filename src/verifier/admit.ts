/**
 * The one place where facts, evidence, policy and ledger meet. To *judge* is to make a verdict from evidence; to
 * *admit* is to take the ledger's word where it has one, else to judge, and to write down what was found trusted.
 */
import { mergeEvidence } from '../evidence/merge.ts'
import type { StorePath } from '../formats/store-path.ts'
import { type Admission, isCurrent, readAdmission, writeAdmission } from '../ledger/admissions.ts'
import { readExpected } from '../ledger/expected.ts'
import { identityOf } from '../ledger/stamp.ts'
import { judge } from '../policy/judge.ts'
import type { Evidence, Refusal, Subject, Trust, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { isAdmitted, isDerivationAdmitted } from './admitted.ts'
import { type Input, inputsOf, outputsOf, type StoredDerivation } from './build.ts'
import { pathEvidence, rememberedEvidence } from './evidence.ts'
import type { Gate } from './gate.ts'
import { graphClaimsOf } from './graph.ts'

/** Admits a derivation. Undefined: admitted; otherwise why not. */
export function admitDerivation(gate: Gate, stored: StoredDerivation): Promise<Refusal | undefined> {
  return once(gate, stored.path, () => admitDerivationNow(gate, stored))
}

async function admitDerivationNow(gate: Gate, stored: StoredDerivation): Promise<Refusal | undefined> {
  if (isDerivationAdmitted(await moment(gate), stored)) return undefined
  const verdict = await judgeDerivation(gate, stored)
  if (verdict.outcome !== 'trusted') return verdict
  if (gate.records) await recordTrust(gate, verdict, stored.path, stored.path.path)
  return undefined
}

/** The verdict on a derivation (`require.derivation`), whatever the ledger says. */
export async function judgeDerivation(gate: Gate, stored: StoredDerivation): Promise<Verdict> {
  const subject: Subject = {
    path: stored.path.path,
    name: stored.name,
    kind: 'derivation',
    narHash: stored.narHash,
    builtHere: false,
    derivationKnown: true,
  }
  const remembered = readAdmission(gate.places.state, stored.path.digest, stored.path.path)
  const evidence = mergeEvidence([
    await gate.attested(stored.path.path),
    rememberedEvidence(remembered, subject.narHash),
  ])
  return judgeWithGraph(gate, subject, evidence)
}

/** Admits something that a build needs. Undefined: admitted; otherwise why not. */
export function admitInput(gate: Gate, input: Input): Promise<Refusal | undefined> {
  return once(gate, input.path, () => admitInputNow(gate, input))
}

async function admitInputNow(gate: Gate, input: Input): Promise<Refusal | undefined> {
  const now = await moment(gate)
  if (isAdmitted(now, input.path)) return undefined
  const info = await (await gate.store()).pathInfo(input.path.path)
  const entry = readAdmission(now.state, input.path.digest, input.path.path)
  if (info !== undefined && entry?.narHash === info.narHash && isCurrent(entry, now.policy, now.now)) {
    // The same bytes at another place of the disk: the store was optimised, or the path went away and came back.
    if (gate.records) {
      writeAdmission(now.state, input.path.digest, { ...entry, stamp: identityOf(input.path.path) })
    }
    return undefined
  }
  const verdict = await judgeInput(gate, input, wasBuiltHere(gate, input, info, entry))
  if (verdict.outcome !== 'trusted') return verdict
  if (gate.records) await recordTrust(gate, verdict, input.path, input.derivation?.path.path)
  return undefined
}

/** The verdict on a source or an output, whatever the ledger says. `builtHere`: this machine made it under its hooks. */
export async function judgeInput(gate: Gate, input: Input, builtHere: boolean): Promise<Verdict> {
  const { path, kind } = input
  const info = await (await gate.store()).pathInfo(path.path)
  const entry = readAdmission(gate.places.state, path.digest, path.path)
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
      ? await admitBuild(gate, input.derivation)
      : [await admitDerivation(gate, input.derivation)].filter(refusal => refusal !== undefined)
    const [first, ...rest] = refusals.map(
      verdict => ({ code: 'input', path: verdict.path, verdict }) as const,
    )
    if (first !== undefined) {
      const certain = refusals.every(refusal => refusal.outcome === 'untrusted')
      const outcome = certain ? 'untrusted' : 'indeterminate'
      return { outcome, path: path.path, kind, rule: 'its own inputs', findings: [first, ...rest] }
    }
  }
  const evidence = await pathEvidence(gate, subject, info)
  return judgeWithGraph(
    gate,
    subject,
    mergeEvidence([evidence, rememberedEvidence(entry, narHash)]),
    input.derivation,
  )
}

/** Answers about a path once: a build graph has many ways to the same input. */
async function once(
  gate: Gate,
  path: StorePath,
  admit: () => Promise<Refusal | undefined>,
): Promise<Refusal | undefined> {
  if (!gate.answers.has(path.path)) gate.answers.set(path.path, await admit())
  return gate.answers.get(path.path)
}

/** Admits a derivation and everything that it is built from; all refusals, none if it may be built. */
export async function admitBuild(gate: Gate, stored: StoredDerivation): Promise<readonly Refusal[]> {
  const answers = [await admitDerivation(gate, stored)]
  const inputs = inputsOf(stored)
  for (const input of inputs) answers.push(await admitInput(gate, input))
  const refusals = answers.filter(answer => answer !== undefined)
  if (refusals.length === 0 && gate.records) rememberBuild(gate.places.state, stored, inputs)
  return refusals
}

/**
 * Writes down what a derivation is built from and what it makes, so that a hook need not read it, its inputs'
 * derivations and their entries again; it holds as long as each of the inputs does. Not that of a fetched source, which can be judged before it is there.
 */
function rememberBuild(state: string, stored: StoredDerivation, inputs: readonly Input[]): void {
  const outputs = outputsOf(stored)
  const entry = readAdmission(state, stored.path.digest, stored.path.path)
  if (entry === undefined || entry.build !== undefined || outputs.some(({ kind }) => kind !== 'output'))
    return
  const admitted = inputs.map(({ path }) => readAdmission(state, path.digest, path.path))
  const ends = [entry, ...admitted].flatMap(one => one?.until ?? [])
  const build = {
    inputs: admitted.flatMap(one => (one?.stamp === undefined ? [] : { stamp: one.stamp, path: one.path })),
    outputs: outputs.map(({ name, path }) => ({ name, path: path.path })),
  }
  if (build.inputs.length < inputs.length) return
  const until = ends.length === 0 ? undefined : Math.min(...ends)
  writeAdmission(state, stored.path.digest, { ...entry, until, build })
}

/** Writes a trusted verdict into the ledger, on the disk when it returns. */
export async function recordTrust(
  gate: Gate,
  trust: Trust,
  path: StorePath,
  derivation: string | undefined,
): Promise<Admission> {
  const { subject, basis } = trust
  const claims = basis.kind === 'claims' ? basis.claims : []
  const admission: Admission = {
    path: path.path,
    narHash: subject.narHash,
    policy: (await gate.snapshot()).digest,
    until: trust.until,
    stamp: identityOf(path.path),
    kind: subject.kind,
    builtHere: subject.builtHere,
    derivation,
    time: gate.now,
    rule: trust.rule,
    claims: claims.map(({ role, key, graph, origin }) => ({ role, key, graph, origin })),
    build: undefined,
  }
  writeAdmission(gate.places.state, path.digest, admission)
  return admission
}

/** What the ledger's entries are held against right now. */
export async function moment(gate: Gate) {
  return { state: gate.places.state, policy: (await gate.snapshot()).digest, now: gate.now }
}

/**
 * Whether this machine made a path under its hooks: the ledger says so of these bytes, or its build was let start, the
 * store registered it as made here, and no hook came to judge it.
 */
export function wasBuiltHere(
  gate: Gate,
  input: Input,
  info: PathInfo | undefined,
  entry: Admission | undefined,
): boolean {
  if (info === undefined) return entry?.builtHere ?? false
  if (entry?.narHash === info.narHash) return entry.builtHere
  const expected = readExpected(gate.places.state, input.path.digest)
  return info.ultimate && expected !== undefined && expected.derivation === input.derivation?.path.path
}

/**
 * Judges; where that does not suffice, looks for packagers who signed the build graph of something built from it.
 * `madeBy`: the derivation that makes a fetched source.
 */
export async function judgeWithGraph(
  gate: Gate,
  subject: Subject,
  evidence: Evidence,
  madeBy?: StoredDerivation,
): Promise<Verdict> {
  const policy = await gate.policy()
  let verdict = judge(policy, subject, evidence, gate.now)
  if (verdict.outcome !== 'untrusted' || subject.kind === 'output') return verdict
  const claims = [...evidence.claims]
  for await (const claim of graphClaimsOf(gate, subject, madeBy)) {
    claims.push(claim)
    verdict = judge(policy, subject, { ...evidence, claims }, gate.now)
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
