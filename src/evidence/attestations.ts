/**
 * Reads the attestations about one store path: verified lines become claims, all others become
 * strays and troubles. A payload is parsed only after a key of the trusted list has signed it.
 */
import { type EnvelopeSigner, type KeyRing, keyRing, openEnvelope, openingCost } from '../crypto/envelope.ts'
import { type EnvelopeKey, keyIdOf } from '../crypto/envelope-keys.ts'
import { openWork, type Work, WorkLimitError } from '../crypto/work.ts'
import { FileError } from '../files/regular-file.ts'
import type { Envelope } from '../formats/in-toto/dsse.ts'
import { LEVEL, type VerificationSummary } from '../formats/in-toto/predicates/verification-summary.ts'
import {
  namesAnotherSigner,
  otherSubjectOf,
  type Predicate,
  parsePredicate,
} from '../formats/in-toto/predicates.ts'
import { parseStatement } from '../formats/in-toto/statement.ts'
import { listedKeys } from '../policy/key-standing.ts'
import type { LogQuorum } from '../policy/log-quorums.ts'
import type { Ed25519Key, Policy, Role } from '../policy/policy.ts'
import type { Claim, Evidence, Stray, Trouble } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { type AttestedLine, readDirectories } from './attested-lines.ts'
import { envelopeStray } from './envelope-stray.ts'
import { identityOf, withClaim } from './merge.ts'

/**
 * Units of work (see crypto/work.ts) that may be spent on one path: one second. Beyond that the
 * evidence counts as unreadable.
 */
const WORK_LIMIT = 20_000

/** Looks up what is attested about a store path. Rejects with FormatError if it is not one. */
export type AttestationReader = (path: string) => Promise<Evidence>

/** Whose attestations count, and the directories in which they are looked for. */
export type TrustedSigners = Pick<Policy, 'principals' | 'attestations'> & Partial<Pick<Policy, 'quorums'>>

/** The path that is looked up, and the keys that may open envelopes. */
interface Search {
  readonly path: string
  readonly ring: KeyRing
  readonly machine: string | undefined
  readonly quorums: readonly LogQuorum[]
}

/** What has been found so far. */
interface Findings {
  readonly claims: Map<string, Claim[]>
  readonly strays: Stray[]
  readonly troubles: Trouble[]
  readonly work: Work
}

/** Part of what a signer of a verified statement says: a role, or why it does not count. */
type Word = { readonly role: Role; readonly coversGraph?: true } | { readonly unused: string }

/**
 * Makes a reader of the policy's directories of attestations. `machineKey`, 32 raw bytes, is this
 * machine's own key. What it signed is not evidence on this machine, whose builds count as `self`
 * only through what its hooks saw.
 *
 * The reader rejects with FormatError if the path is not a store path. Every other fault is part of
 * its answer.
 */
export function attestationReader(policy: TrustedSigners, machineKey?: Uint8Array): AttestationReader {
  const listed = listedKeys(policy)
  const ring = keyRing(machineKey === undefined ? listed : [...listed, ownKey(machineKey)])
  const machine = machineKey === undefined ? undefined : ownKey(machineKey).identity
  const quorums = [...(policy.quorums?.values() ?? [])]
  return path => searchDirectories(policy.attestations, { path, ring, machine, quorums })
}

/** What is attested about one store path. To ask about several, make a reader once. */
export function attestationEvidence(
  policy: TrustedSigners,
  path: string,
  machineKey?: Uint8Array,
): Promise<Evidence> {
  return attestationReader(policy, machineKey)(path)
}

async function searchDirectories(directories: readonly string[], search: Search): Promise<Evidence> {
  const work = openWork(WORK_LIMIT)
  const findings: Findings = { claims: new Map(), strays: [], troubles: [], work }
  const lines = await readDirectories(directories, search.path, {
    work,
    trouble: (origin, error) => addTrouble(findings, origin, error),
  })
  // The cheapest come first: short ones that name a listed key. So a stranger's rubbish cannot use
  // up the work before genuine lines are opened, and a genuine line that makes a conflict is seen.
  const byCost = lines
    .map(line => ({ line, cost: openingCost(line.envelope, search.ring) }))
    .sort((one, other) => one.cost - other.cost)
  for (const { line } of byCost) {
    try {
      await openLine(line, { search, findings })
    } catch (error) {
      addTrouble(findings, error instanceof WorkLimitError ? line.file : line.origin, error)
      if (error instanceof WorkLimitError) break
    }
  }
  return {
    claims: [...findings.claims.values()].flat(),
    strays: findings.strays,
    troubles: findings.troubles,
  }
}

function addTrouble({ troubles }: Findings, origin: string, error: unknown): void {
  if (!(error instanceof FormatError || error instanceof FileError)) throw error
  troubles.push({ origin, detail: error.message })
}

async function openLine(
  { envelope, origin }: AttestedLine,
  context: { search: Search; findings: Findings },
): Promise<void> {
  const { search, findings } = context
  const opened = await openEnvelope(envelope, search.ring, findings.work)
  for (const stray of opened.strays) findings.strays.push(envelopeStray(stray, origin))
  for (const detail of opened.undecided) findings.troubles.push({ origin, detail })

  const isOwn = ({ key }: EnvelopeSigner) => key.identity === search.machine
  for (const { key } of opened.signers.filter(isOwn)) {
    findings.strays.push({ problem: 'unused', origin, detail: `${key.label} is this machine's own` })
  }
  const signers = opened.signers.filter(signer => !isOwn(signer))
  if (signers.length === 0) return
  const logged = await loggedSigners(envelope, signers, context)
  readPayload(envelope.payload, logged, { ...context, origin })
}

/** A signer, and how far it is proven that what it signed was logged. */
type LoggedSigner = EnvelopeSigner & Pick<Claim, 'logging'>

/** Looks at proofs only where the policy has quorums. */
async function loggedSigners(
  envelope: Envelope,
  signers: readonly EnvelopeSigner[],
  { search: { quorums }, findings: { work } }: { search: Search; findings: Findings },
): Promise<readonly LoggedSigner[]> {
  if (quorums.length === 0 || envelope.logged === undefined) return signers
  const { logStandings, provenTrace } = await import('../crypto/logged.ts')
  const logged: LoggedSigner[] = []
  for (const signer of signers) {
    const logging = await logStandings(envelope, signer.key, { quorums, work })
    const trace = signer.trace === undefined ? {} : { trace: provenTrace(signer.trace, logging, quorums) }
    logged.push({ ...signer, ...trace, logging })
  }
  return logged
}

function readPayload(
  payload: Uint8Array,
  signers: readonly LoggedSigner[],
  context: { search: Search; findings: Findings; origin: string },
): void {
  const { search, findings, origin } = context
  const statement = parseStatement(payload)
  const predicate = parsePredicate(statement)
  const subject = statement.subjects.find(({ name }) => name === search.path)
  if (subject === undefined) {
    const detail = statement.subjects.map(({ name }) => name).join(', ')
    findings.strays.push({ problem: 'other-subject', origin, detail })
    return
  }
  if (predicate === undefined) {
    findings.strays.push({ problem: 'unused', origin, detail: statement.predicateType })
    return
  }
  const other = otherSubjectOf(predicate, subject)
  if (other !== undefined) {
    findings.strays.push({ problem: 'other-subject', origin, detail: other })
    return
  }
  const { narHash, references } = subject
  const about = { path: search.path, narHash, ...(references && { references }), origin }
  for (const { key, expired, keyEnds: until, trace, logging } of signers) {
    const end = until === undefined ? {} : { until }
    const proven = logging === undefined ? {} : { logging }
    const made = { ...(expired && { expired }), ...end, ...(trace && { trace }), ...proven }
    for (const word of wordsOf(predicate, key)) {
      if ('unused' in word) findings.strays.push({ problem: 'unused', origin, detail: word.unused })
      else addClaim(findings, { key: key.identity, ...word, ...made, ...about })
    }
  }
}

/** Adds a claim; an identical one is kept once. */
function addClaim({ claims }: Findings, claim: Claim): void {
  const identity = identityOf(claim)
  claims.set(identity, withClaim(claims.get(identity) ?? [], claim))
}

/** What one signer of a predicate states with it. */
function wordsOf(predicate: Predicate, key: EnvelopeKey): readonly Word[] {
  if (namesAnotherSigner(predicate, keyIdOf(key))) {
    return [{ unused: `signed by ${key.label}, but as the word of another signer` }]
  }
  switch (predicate.kind) {
    case 'provenance':
      return [{ role: 'builder' }]
    case 'release':
      return [{ role: 'developer' }]
    case 'verification-summary':
      return predicate.passed ? wordsOfSummary(predicate) : [{ unused: 'a verification that FAILED' }]
  }
}

function wordsOfSummary(summary: VerificationSummary): readonly Word[] {
  const words = summary.levels.flatMap<Word>(level => {
    switch (level) {
      case LEVEL.developerSignatureChecked:
      case LEVEL.packaged:
        return [{ role: 'packager' }]
      case LEVEL.packagedGraph:
        return [{ role: 'packager', coversGraph: true }]
      case LEVEL.reviewed:
        return [{ role: 'reviewer' }]
      default:
        return []
    }
  })
  if (words.length > 0) return words
  return [{ unused: `a verification of no level that nixsig knows: ${summary.levels.join(', ')}` }]
}

function ownKey(publicKey: Uint8Array): Ed25519Key {
  const identity = `ed25519:${toHex(publicKey)}`
  return { kind: 'ed25519', form: 'nix', identity, label: 'the key', publicKey }
}
