/**
 * The one place where facts, evidence, policy and ledger meet. To *judge* is to make a verdict from
 * evidence. To *admit* is to use the ledger's entry if there is a current one, else to judge, and
 * to record what was found trusted.
 */
import { derivationReferences } from '../formats/nix/derivation.ts'
import { isDerivationPath, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { type Admission, isCurrent, readAdmission, writeAdmission } from '../ledger/admissions.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Refusal, Trust, Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import { admittedNow, isAdmitted, isAdmittedAsAny } from './admitted.ts'
import { asItsContents, ofStore } from './declared-contents.ts'
import type { Input, Output, StoredDerivation } from './derivation-parts.ts'
import { admitSignature, noSignature } from './derivation-signatures.ts'
import { admitDerivation, type Complete } from './derivations.ts'
import type { Foreseen } from './foreseen.ts'
import { identify, isCopied, knownFromStore } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeInput, madeHere } from './judge-input.ts'
import { once } from './judge-once.ts'
import { closureDigest } from './made-from.ts'
import { recordTrust, rememberBuild, withBuild } from './record.ts'
import { refusedFor } from './refusals.ts'
import { type Settled, settleContents } from './settle-contents.ts'
import { inputsOf, readDerivation } from './stored-derivation.ts'

/**
 * Admits something that a build needs, together with everything that it refers to, because the
 * build sees that too. Returns undefined if it was admitted, otherwise the refusal.
 */
export function admitInput(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const { path, kind, part, declared = [] } = input
  const admit = isDerivationPath(path) ? admitDerivationFile : part ? admitNamed : admitInputNow
  const { derivation } = input
  const asked = [kind, path.path, part, derivation?.path.path, ...declared.map(({ by }) => by)]
  return once(inquiry, asked.join(' '), () => admit(inquiry, input))
}

/**
 * Admits a path that a derivation names as a signature. If it is one, it may be used as a signature
 * and as nothing else; otherwise it is judged like any other input.
 */
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
  // A derivation can list any path as a source. That does not turn an output or a fetched source
  // into a local source.
  const isOther = info === undefined ? entry?.kind === 'output' : !isCopied(info)
  if (input.kind === 'local-source' && isOther) {
    return admitInput(inquiry, await identify(inquiry, input.path, knownFromStore(info, entry)))
  }
  const settled: Settled = info === undefined ? NOT_THERE : await settleContents(inquiry, input, info)
  if ('refusal' in settled) return settled.refusal
  const { stamp } = settled
  const really = info === undefined ? input : await asItsContents(input, ofStore(info))
  if (really.kind !== input.kind) return admitInput(inquiry, really)
  if (info !== undefined && entry?.narHash === info.narHash && entry.kind === input.kind) {
    if (isCurrent(entry, now.policy, now.now)) return admitAgain(inquiry, input, info, { ...entry, stamp })
  }
  const made = await madeHere(inquiry, input.path, info)
  const verdict = await judgeInput(inquiry, input, made, info)
  if (verdict.outcome !== 'trusted') return verdict
  const { refusal, until } = await admitReferences(inquiry, input, info?.references ?? [])
  if (refusal !== undefined) return refusal
  if (!inquiry.records) return undefined
  const lasting = await verdictForAll(inquiry, input, verdict, alone =>
    judgeInput(inquiry, alone, made, info),
  )
  if (lasting.outcome !== 'trusted') return undefined
  const trust = { ...lasting, ...endOf(lasting.until, until) }
  await recordTrust(inquiry, trust, input.path, { stamp, info, from: made.from })
  return undefined
}

/**
 * The verdict on an input, whichever build names it. What a derivation says of a source that it
 * fetches, its addresses and the names of files, counts for the build that names it. It is
 * remembered for others only if somebody vouches for that derivation: anybody can name one.
 */
async function verdictForAll(
  inquiry: Inquiry,
  { derivation, ...alone }: Input,
  verdict: Trust,
  judge: (input: Input) => Promise<Verdict>,
): Promise<Verdict> {
  if (alone.kind !== 'fetched-source' || derivation === undefined) return verdict
  if ((await admitDerivation(inquiry, derivation)) === undefined) return verdict
  return judge(alone)
}

const NOT_THERE = { stamp: undefined }

/**
 * Renews an entry whose bytes are unchanged but whose stamp differs: the store was optimised, or
 * the path was deleted and came back. In the second case its references were deleted too and may
 * have come back with other bytes, so they are admitted again.
 */
async function admitAgain(
  inquiry: Inquiry,
  input: Input,
  info: PathInfo,
  entry: Admission,
): Promise<Refusal | undefined> {
  const { refusal, until } = await admitReferences(inquiry, input, info.references)
  if (refusal !== undefined || !inquiry.records) return refusal
  const closure = await closureDigest(inquiry, input.path, info)
  const next = { ...entry, closure, ...endOf(entry.until, until) }
  writeAdmission(inquiry.places.state, input.path.digest, next)
  return undefined
}

/**
 * Admits a derivation that a build reads as a file instead of building it. It must be admitted as a
 * derivation.
 */
async function admitDerivationFile(inquiry: Inquiry, input: Input): Promise<Refusal | undefined> {
  const stored = readDerivation(input.path.path)
  const refusal = await admitDerivation(inquiry, stored)
  if (refusal !== undefined) return refusal
  const references = derivationReferences(stored.derivation)
  const { refusal: refused, until } = await admitReferences(inquiry, input, references)
  const entry = readAdmission(inquiry.places.state, input.path.digest, input.path.path)
  if (refused !== undefined || entry === undefined || !inquiry.records) return refused
  const next = { ...entry, ...endOf(entry.until, until) }
  if (next.until !== entry.until) writeAdmission(inquiry.places.state, input.path.digest, next)
  return undefined
}

/**
 * Returns why an output may not refer to paths that its build could use only as signatures;
 * undefined if it refers to none of them or they are admitted. Whoever uses the output sees such a
 * file as an ordinary file.
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

/**
 * Admits the references of a path and, through them, its whole closure. Returns either a refusal,
 * or the earliest end among the entries of its references.
 */
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
  const refusal = refusedFor(refusals, { path: path.path, kind, ground: { kind: 'references' } })
  return refusal === undefined ? endOf(...ends) : { refusal }
}

async function referenced(inquiry: Inquiry, path: StorePath): Promise<Input> {
  if (isDerivationPath(path)) return { path, kind: 'local-source' }
  return identify(inquiry, path, knownFromStore(await (await inquiry.store()).pathInfo(path.path)))
}

function endOf(...ends: readonly (number | undefined)[]): { readonly until?: number } {
  const until = earliest(ends)
  return until === undefined ? {} : { until }
}

/**
 * Admits a derivation and everything that it is built from. Returns all refusals; an empty list
 * means that it may be built. `foreseen` holds what was found about its outputs, by output name; it
 * is recorded in the entry.
 */
export async function admitBuild(
  inquiry: Inquiry,
  stored: StoredDerivation,
  foreseen?: ReadonlyMap<string, Foreseen>,
): Promise<readonly Refusal[]> {
  const asked = `build ${stored.path.path}`
  if (foreseen === undefined && inquiry.answers.has(asked)) return []
  const inputs = inputsOf(stored)
  const answers: (Refusal | undefined)[] = []
  for (const input of inputs) answers.push(await admitInput(inquiry, input))
  const refusals = answers.filter(answer => answer !== undefined)
  let isRemembered = refusals.length > 0 || !inquiry.records
  const complete: Complete = async entry => {
    isRemembered = true
    return withBuild(inquiry, stored, entry, { inputs, foreseen })
  }
  // The derivation comes last, so that its entry is written once, with all its inputs.
  const refusal = await admitDerivation(inquiry, stored, isRemembered ? undefined : complete)
  if (refusal !== undefined) return [refusal, ...refusals]
  if (!isRemembered) await rememberBuild(inquiry, stored, { inputs, foreseen })
  if (refusals.length === 0) inquiry.answers.set(asked, undefined)
  return refusals
}
