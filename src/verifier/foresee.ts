import { randomBytes } from 'node:crypto'
import { mergeEvidence } from '../evidence/merge.ts'
import { developerSignatureFiles, readSignature } from '../evidence/signature-files.ts'
import { FileError } from '../files/regular-file.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Admits } from '../ledger/expected.ts'
import { earliest } from '../policy/key-standing.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Stray, Trouble, Verdict } from '../policy/verdict.ts'
import { toHex } from '../primitives/hex.ts'
import { withAddresses } from './addresses.ts'
import { asItsContents, type Bytes, tellingOfUnlike } from './declared-contents.ts'
import type { Output } from './derivation-parts.ts'
import { doubting, unreadableIn } from './derivation-signatures.ts'
import { rememberedEvidence } from './evidence.ts'
import type { Foreseen } from './foreseen.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { makersOf } from './makers.ts'
import { subjectOf } from './subject.ts'

/**
 * Judges an output that is not there yet. The first of these that applies decides:
 *
 * 1. A developer's detached signature over the file is known: it is asked about once the file is
 *    here.
 * 2. Contents that nobody has seen would be trusted: any contents are allowed.
 * 3. The output is itself a signature: it is asked about once it is here.
 * 4. The NAR hashes that anybody attested are judged, and those that are trusted are allowed. If
 *    there are none, the build is refused, and nothing is fetched or built in vain.
 */
export async function foresee(inquiry: Inquiry, output: Output): Promise<Foreseen> {
  const judging = await prepare(inquiry, output)
  const { evidence, isSigned } = judging
  const isClear = evidence.troubles.length === 0
  if (isSigned && isClear) return { admits: { kind: 'asked' } }
  const any = await judgeOutcome(inquiry, judging, unseenHash())
  if (any.outcome === 'trusted')
    return { admits: { kind: 'any' }, verdict: doubted(output, any), ...endOf(any) }
  if (output.isSignature && isClear) return { admits: { kind: 'asked' } }
  const { verdicts, hashes } = await judgeAttested(inquiry, judging)
  const [best = any] = [...verdicts.filter(({ outcome }) => outcome === 'trusted'), ...verdicts]
  const admits: Admits = hashes.length === 0 ? { kind: 'nothing' } : { kind: 'these', hashes }
  return { admits, verdict: doubted(output, best), ...endOf(...verdicts) }
}

function endOf(...verdicts: readonly Verdict[]): Pick<Foreseen, 'until'> {
  const until = earliest(verdicts.map(verdict => (verdict.outcome === 'trusted' ? verdict.until : undefined)))
  return until === undefined ? {} : { until }
}

/** Returns the verdict on an output as if its build had produced these contents. */
export async function foreseeOutcome(inquiry: Inquiry, output: Output, bytes: Bytes): Promise<Verdict> {
  const really = await asItsContents(output, bytes)
  const verdict = await judgeOutcome(inquiry, await prepare(inquiry, really), bytes.narHash)
  return tellingOfUnlike(doubted(really, verdict), really.unlike)
}

/** What is common to all possible outcomes of a build. */
interface Judging {
  readonly output: Output & { readonly urls?: readonly string[] }
  readonly evidence: Evidence
  /** The derivations that fetch a source. */
  readonly makers: readonly Output['derivation'][]
  /** Whether a developer's signature may cover the file that the output will be. */
  readonly isSigned: boolean
}

async function prepare(inquiry: Inquiry, output: Output): Promise<Judging> {
  const { path, kind } = output
  // This comes first, because it refreshes the sources elsewhere, which also bring developers'
  // signatures.
  const others = kind === 'fetched-source' ? await makersOf(inquiry, path) : []
  const known = await withAddresses(inquiry, output, others)
  const attested = await inquiry.attested(path.path, subjectOf(known, { narHash: '', builtHere: false }))
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const remembered = await rememberedEvidence(
    inquiry,
    entry,
    subjectOf(known, { narHash: entry?.narHash ?? '', builtHere: false }),
  )
  const policy = await inquiry.policy()
  const signatures = signaturesOf(policy, output)
  const isCovered = isFlat(output)
  const unused = isCovered ? NOTHING : unusedOf(keptOf(policy, output), signatures)
  return {
    output: known,
    evidence: mergeEvidence([attested, remembered, unused]),
    makers: [output.derivation, ...others.map(({ derivation }) => derivation)],
    isSigned: isCovered && signatures.length > 0,
  }
}

/** Hypothetical contents contradict nobody, so no conflict is recorded. */
function judgeOutcome(inquiry: Inquiry, { output, evidence, makers }: Judging, narHash: string) {
  const subject = subjectOf(output, { narHash, builtHere: output.unlike === undefined })
  return judgeWithGraph({ ...inquiry, notesConflicts: false }, subject, evidence, makers)
}

async function judgeAttested(inquiry: Inquiry, judging: Judging) {
  const verdicts: Verdict[] = []
  const hashes: string[] = []
  for (const narHash of new Set(judging.evidence.claims.map(claim => claim.narHash))) {
    const verdict = await judgeOutcome(inquiry, judging, narHash)
    verdicts.push(verdict)
    if (verdict.outcome === 'trusted') hashes.push(narHash)
  }
  return { verdicts, hashes }
}

function doubted(output: Output, verdict: Verdict): Verdict {
  return doubting(verdict, unreadableIn(output))
}

/**
 * A NAR hash that nobody can have attested. A predictable one could be attested and would then
 * count.
 */
function unseenHash(): string {
  return toHex(randomBytes(32))
}

/**
 * The developers' detached signatures on a source that are kept here or named by its derivation.
 */
function signaturesOf(policy: Policy, output: Output): readonly string[] {
  if (output.kind !== 'fetched-source') return []
  const { declared = [] } = output
  const named = declared.flatMap(({ signatures }) => signatures.map(({ signature }) => signature))
  return [...keptOf(policy, output), ...named]
}

function keptOf({ attestations }: Policy, { kind, path }: Output): readonly string[] {
  return kind === 'fetched-source' ? developerSignatureFiles(attestations, path.path) : []
}

/**
 * Whether the output will be a single non-executable file. What is hashed as a tree may be several
 * files, or a program.
 */
function isFlat({ derivation: { derivation } }: Output): boolean {
  return derivation.outputs.some(made => made.kind === 'fixed' && made.method === 'flat')
}

const NOTHING: Evidence = { claims: [], strays: [], troubles: [] }

/**
 * Lists as unused the signatures that cannot cover the output. A signature kept here that cannot be
 * read is still trouble (S1).
 */
function unusedOf(kept: readonly string[], signatures: readonly string[]): Evidence {
  return { claims: [], strays: signatures.map(unusedFor), troubles: kept.flatMap(troubleWith) }
}

function troubleWith(origin: string): readonly Trouble[] {
  try {
    readSignature(origin)
    return []
  } catch (error) {
    if (error instanceof FileError) return [{ origin, detail: error.message }]
    throw error
  }
}

function unusedFor(origin: string): Stray {
  return { problem: 'unused', origin, detail: 'a detached signature does not cover what is hashed as a tree' }
}
