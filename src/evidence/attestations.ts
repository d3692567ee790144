/**
 * What the attestations about one store path say: verified lines become claims, all others become strays and troubles.
 * A payload is not even parsed before a key of the trusted list has signed it.
 */
import { type KeyRing, keyRing, openEnvelope } from '../crypto/envelope.ts'
import { FileError } from '../files/regular-file.ts'
import { parseEnvelope } from '../formats/dsse.ts'
import { LEVEL, type VerificationSummary } from '../formats/predicates/verification-summary.ts'
import { namesAnotherSigner, type Predicate, parsePredicate } from '../formats/predicates.ts'
import { parseStatement } from '../formats/statement.ts'
import type { Ed25519Key, Policy, Role } from '../policy/policy.ts'
import type { Claim, Evidence, Stray, Trouble } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { attestationFile } from './attestation-file.ts'
import { assertAttestationDirectory, readAttestationLines } from './attestation-files.ts'

/** Signatures that are verified for one path, about: a second of work, then the evidence counts as unreadable. */
const ATTEMPT_LIMIT = 20_000

/** Looks up what is attested of a store path. */
export type AttestationReader = (path: string) => Evidence

/** Who may say something, and the directories in which it is looked for. */
export type TrustedSigners = Pick<Policy, 'principals' | 'attestations'>

/** What is looked for and with which keys. */
interface Search {
  readonly path: string
  readonly ring: KeyRing<Ed25519Key>
  readonly machine: string | undefined
}

/** What has been found so far. */
interface Findings {
  readonly claims: Map<string, Claim>
  readonly strays: Stray[]
  readonly troubles: Trouble[]
  readonly seen: Set<string>
  attempts: number
}

/** Part of what a signer of a verified statement says: a role, or nothing that counts and why. */
type Word = { readonly role: Role; readonly coversGraph?: true } | { readonly unused: string }

/**
 * Makes a reader of the policy's directories of attestations. `machineKey`, 32 raw bytes, is this machine's own: what it
 * signed is no evidence on this machine, whose builds count as `self` and by what its hooks saw alone.
 *
 * The reader throws FormatError if the path is no store path. All else that is wrong is part of its answer.
 */
export function attestationReader(policy: TrustedSigners, machineKey?: Uint8Array): AttestationReader {
  const listed = [...policy.principals.values()]
    .flatMap(principal => principal.keys)
    .filter(key => key.kind === 'ed25519')
  const ring = keyRing(machineKey === undefined ? listed : [...listed, ownKey(machineKey)])
  const machine = machineKey === undefined ? undefined : toHex(machineKey)
  return path => searchDirectories(policy.attestations, { path, ring, machine })
}

/** What is attested of one store path; whoever asks for several makes a reader once. */
export function attestationEvidence(policy: TrustedSigners, path: string, machineKey?: Uint8Array): Evidence {
  return attestationReader(policy, machineKey)(path)
}

function searchDirectories(directories: readonly string[], search: Search): Evidence {
  const findings: Findings = {
    claims: new Map(),
    strays: [],
    troubles: [],
    seen: new Set(),
    attempts: 0,
  }
  for (const directory of directories) {
    const file = attestationFile(directory, search.path)
    collectTrouble(findings, file, () => {
      assertAttestationDirectory(directory)
      const lines = readAttestationLines(file) ?? []
      for (const [index, line] of lines.entries()) {
        if (findings.attempts > ATTEMPT_LIMIT) throw new FileError('too many signatures to verify them all')
        const origin = `${file}:${index + 1}`
        collectTrouble(findings, origin, () => readLine(line, origin, { search, findings }))
      }
    })
  }
  return { claims: [...findings.claims.values()], strays: findings.strays, troubles: findings.troubles }
}

/** Runs a step; what it cannot read becomes a trouble of this origin. */
function collectTrouble(findings: Findings, origin: string, step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof FileError)) throw error
    findings.troubles.push({ origin, detail: error.message })
  }
}

function readLine(line: string, origin: string, context: { search: Search; findings: Findings }): void {
  const { search, findings } = context
  if (findings.seen.has(line)) return
  findings.seen.add(line)
  const envelope = parseEnvelope(line)
  const opened = openEnvelope(envelope, search.ring)
  findings.attempts += opened.attempts
  for (const { problem, keyid } of opened.strays) findings.strays.push({ problem, origin, detail: keyid })

  const isOwn = (key: Ed25519Key) => toHex(key.publicKey) === search.machine
  for (const key of opened.signers.filter(isOwn)) {
    findings.strays.push({ problem: 'unused', origin, detail: `${key.label} is this machine's own` })
  }
  const signers = opened.signers.filter(key => !isOwn(key))
  if (signers.length > 0) readPayload(envelope.payload, signers, { ...context, origin })
}

function readPayload(
  payload: Uint8Array,
  signers: readonly Ed25519Key[],
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
  for (const key of signers) {
    for (const word of wordsOf(predicate, key)) {
      if ('unused' in word) {
        findings.strays.push({ problem: 'unused', origin, detail: word.unused })
        continue
      }
      const claim = { key: key.identity, ...word, path: search.path, narHash: subject.narHash, origin }
      const identity = [claim.key, claim.role, claim.narHash, word.coversGraph ?? false].join(' ')
      if (!findings.claims.has(identity)) findings.claims.set(identity, claim)
    }
  }
}

/** What one signer of a predicate says by it. */
function wordsOf(predicate: Predicate, key: Ed25519Key): readonly Word[] {
  if (namesAnotherSigner(predicate, key.publicKey)) {
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
