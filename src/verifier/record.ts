/** Records in the ledger what was found trusted. */

import { replaceFile } from '../files/replace-file.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import { printAdmission } from '../ledger/admission-text.ts'
import {
  type Admission,
  entryFile,
  isCurrent,
  NO_POLICY,
  readAdmission,
  writeAdmission,
} from '../ledger/admissions.ts'
import { forgetLetIn } from '../ledger/let-in.ts'
import { ruleOfLetIn } from '../ledger/respite.ts'
import { stampOf } from '../ledger/stamp.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Instant, SubjectKind } from '../policy/policy.ts'
import type { Subject, Trust } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input, Output, StoredDerivation } from './derivation-parts.ts'
import { entryFor, type Recorded } from './entry.ts'
import type { Foreseen } from './foreseen.ts'
import type { Inquiry } from './inquiry.ts'
import { closureDigest } from './made-from.ts'
import { outputsOf } from './stored-derivation.ts'

/** What was found about a derivation that may be built. */
export interface JudgedBuild {
  readonly inputs: readonly Input[]
  /** What can be said about its outputs, by name; undefined if that was not asked. */
  readonly foreseen: ReadonlyMap<string, Foreseen> | undefined
}

/**
 * Records in a derivation's entry what it is built from and what it makes, so that a hook need not
 * read the derivation, its inputs' derivations and their entries again. The record holds as long as
 * each of the inputs does, and as what was found about each output. Derivations of fetched sources
 * are left out, because those can be judged before they are fetched. The record is written again if
 * paths have moved on the disk since, as optimising the store does.
 */
export async function rememberBuild(
  inquiry: Inquiry,
  stored: StoredDerivation,
  judged: JudgedBuild,
): Promise<void> {
  const { digest, path } = stored.path
  const entry = readAdmission(inquiry.places.state, digest, path)
  if (entry !== undefined)
    recordDerivation(inquiry, stored, await withBuild(inquiry, stored, entry, judged), entry)
}

/**
 * Returns the entry of a derivation with its build added; or the entry unchanged if the build
 * cannot be recorded.
 */
export async function withBuild(
  inquiry: Inquiry,
  stored: StoredDerivation,
  entry: Admission,
  { inputs, foreseen }: JudgedBuild,
): Promise<Admission> {
  const { state } = inquiry.places
  const { digest } = await inquiry.snapshot()
  const outputs = outputsOf(stored)
  // Another hook may have written the entry under another policy meanwhile.
  if (entry.policy !== digest || outputs.some(({ kind }) => kind !== 'output')) return entry
  const admitted = inputs.map(({ path }) => readAdmission(state, path.digest, path.path))
  const took = new Set(entry.build?.outputs.filter(({ takesAny }) => takesAny).map(({ path }) => path))
  const takesAny = ({ name, path }: Output) => {
    const found = foreseen?.get(name)
    return found === undefined ? took.has(path.path) : found.admits.kind === 'any'
  }
  const build = {
    inputs: admitted.flatMap(one => (one?.stamp === undefined ? [] : { stamp: one.stamp, path: one.path })),
    outputs: outputs.map(output => ({
      ...{ name: output.name, path: output.path.path },
      takesAny: takesAny(output),
    })),
  }
  if (build.inputs.length < inputs.length || admitted.some(one => one?.policy !== digest)) return entry
  const ends = [entry, ...admitted].map(one => one?.until)
  const until = earliest([...ends, ...[...(foreseen?.values() ?? [])].map(endOfAny)])
  return { ...entry, stamp: stampOf(stored.path.path), until, build }
}

/**
 * Writes the entry of a derivation that was found trusted, unless the entry `before` says the same.
 * If neither entry has a claim to lose, the write is not flushed: it survives this process but not
 * a power failure, after which the derivation is judged anew.
 */
export function recordDerivation(
  { places }: Inquiry,
  { path }: StoredDerivation,
  next: Admission,
  before: Admission | undefined,
): void {
  if (next === before || printAdmission(next) === (before && printAdmission(before))) return
  const flush = [next, before].some(entry => entry !== undefined && entry.claims.length > 0)
  writeAdmission(places.state, path.digest, next, { flush })
}

/** The instant from which it may no longer hold that any contents are acceptable. */
function endOfAny({ admits, verdict }: Foreseen): Instant | undefined {
  return admits.kind === 'any' && verdict?.outcome === 'trusted' ? verdict.until : undefined
}

/** A signature file that was admitted, with its `stamp` from when it had these contents. */
export interface RecordedSignature {
  readonly narHash: string
  readonly stamp: string | undefined
  readonly derivation: string | undefined
}

/**
 * Records that a path may be used as a signature. Replaces no entry of another kind: a source keeps
 * what this machine once verified about it.
 */
export async function recordSignature(
  inquiry: Inquiry,
  path: StorePath,
  { narHash, stamp, derivation }: RecordedSignature,
): Promise<void> {
  const { state } = inquiry.places
  const entry = readAdmission(state, path.digest, path.path)
  if (entry !== undefined && entry.kind !== 'signature') return
  writeAdmission(state, path.digest, {
    path: path.path,
    narHash,
    policy: (await inquiry.snapshot()).digest,
    until: undefined,
    stamp,
    kind: 'signature',
    builtHere: false,
    derivation,
    time: inquiry.now,
    rule: 'signatures',
    claims: [],
    build: undefined,
  })
}

/** What is known of a path that is judged as it lies in the store. */
export interface Lying {
  /** Its stamp when it was found to have these contents. */
  readonly stamp: string | undefined
  /** What the store registered about it; asked for if it is undefined. */
  readonly info: PathInfo | undefined
  /** If it was built here: the digest of what it was built from (made-from.ts). */
  readonly from: string | undefined
}

/**
 * Writes a trusted verdict on what lies in the store into the ledger; it is flushed to disk when
 * this returns.
 */
export async function recordTrust(
  inquiry: Inquiry,
  trust: Trust,
  path: StorePath,
  { stamp, info, from }: Lying,
): Promise<Admission> {
  const derivation = derivationOf(trust.subject)
  const closure = await closureDigest(inquiry, path, info)
  const made = trust.subject.builtHere ? from : undefined
  const admission = await admissionOf(inquiry, trust, { path, derivation, stamp, closure, from: made })
  writeAdmission(inquiry.places.state, path.digest, admission)
  forgetLetIn(inquiry.places.state, path.digest)
  return admission
}

/**
 * Records that this machine built an output, which was let in with a warning: an entry that is
 * stale under every policy. It admits nothing, and tells a later policy who made these contents.
 * Replaces no entry that says as much.
 */
export function recordMade(
  inquiry: Inquiry,
  { path, kind, derivation }: Output,
  { narHash, stamp, from }: Pick<Admission, 'narHash' | 'from'> & { readonly stamp: string },
): void {
  if (kind !== 'output') return
  const { state } = inquiry.places
  const entry = readAdmission(state, path.digest, path.path)
  const isSame = entry?.narHash === narHash
  if (isSame && entry.builtHere && entry.kind === kind) {
    if (from === undefined || from === entry.from) return
    writeAdmission(state, path.digest, { ...entry, derivation: derivation.path.path, from })
    return
  }
  writeAdmission(state, path.digest, {
    path: path.path,
    narHash,
    policy: NO_POLICY,
    until: undefined,
    stamp,
    kind,
    builtHere: true,
    derivation: derivation.path.path,
    time: inquiry.now,
    rule: ruleOfLetIn(state, inquiry.now),
    claims: isSame ? entry.claims : [],
    build: undefined,
    from,
  })
}

/** The stamp of no file. A path whose entry has it is hashed whenever it is judged. */
const NO_STAMP = '0:0:0:0:0'

/**
 * Records that a path on the disk does not have its registered contents (NAR hash, hex): whatever
 * vouches for those, hooks hash the path before they use it, until it has them again. Keeps what
 * the entry says of who made and signed them.
 */
export function recordAltered(
  { places: { state }, now }: Inquiry,
  path: StorePath,
  { narHash, kind }: { readonly narHash: string; readonly kind: SubjectKind },
): void {
  const entry = readAdmission(state, path.digest, path.path)
  const isSame = entry?.narHash === narHash
  writeAdmission(state, path.digest, {
    path: path.path,
    narHash,
    policy: NO_POLICY,
    until: undefined,
    stamp: NO_STAMP,
    kind: isSame ? entry.kind : kind,
    builtHere: isSame && entry.builtHere,
    derivation: isSame ? entry.derivation : undefined,
    time: now,
    rule: 'changed on the disk',
    claims: isSame ? entry.claims : [],
    build: undefined,
    from: isSame ? entry.from : undefined,
  })
}

/**
 * Records a trusted verdict on a path that may be downloaded: the entry admits these contents,
 * without a stamp of a path on disk. It is not flushed: it survives this process but not a power
 * failure, after which the path is judged anew. An entry that says the same already is left alone,
 * with everything else in it. Returns whether it was written.
 */
export async function recordOffer(inquiry: Inquiry, trust: Trust, path: StorePath): Promise<boolean> {
  const { subject } = trust
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const { digest } = await inquiry.snapshot()
  const isSame = entry?.narHash === subject.narHash && entry.kind === subject.kind
  if (isSame && isCurrent(entry, digest, inquiry.now) && entry.until === trust.until) return false
  const stamp = isSame ? entry.stamp : undefined
  const derivation = derivationOf(subject) ?? (isSame ? entry.derivation : undefined)
  const { closure, from } = isSame ? entry : {}
  const made = subject.builtHere ? from : undefined
  const admission = await admissionOf(inquiry, trust, { path, derivation, stamp, closure, from: made })
  await replaceFile(entryFile(inquiry.places.state, path.digest), printAdmission(admission))
  return true
}

/**
 * The derivation that an entry names: for a derivation itself, else the one that makes the path.
 */
function derivationOf({ kind, path, derivation }: Subject): string | undefined {
  return kind === 'derivation' ? path : derivation
}

/** Returns the entry that keeps a verdict of this inquiry. */
export async function admissionOf(inquiry: Inquiry, trust: Trust, at: Recorded): Promise<Admission> {
  const { digest } = await inquiry.snapshot()
  return entryFor(trust, at, { policy: digest, now: inquiry.now })
}
