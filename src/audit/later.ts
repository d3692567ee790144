/**
 * What was signed since the ledger admitted a path: signatures in the store's database and files of
 * attestations. Asks no source.
 */
import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { hashingCost } from '../crypto/work.ts'
import { attestationFile, narinfoFile } from '../evidence/attestation-file.ts'
import { isReadDirectory } from '../evidence/attestation-files.ts'
import { attestationReader } from '../evidence/attestations.ts'
import { narinfoEvidence } from '../evidence/narinfo-files.ts'
import { nixKeys, readSignature } from '../evidence/store-signatures.ts'
import { readableNamesIn } from '../files/names-in.ts'
import { narFingerprint } from '../formats/nix/narinfo.ts'
import { digestIn } from '../formats/nix/store-path.ts'
import type { AdmittedClaim } from '../ledger/admissions.ts'
import { changeIn } from '../ledger/stamp.ts'
import type { Ed25519Key, Instant, Policy } from '../policy/policy.ts'
import type { Claim, Evidence } from '../policy/verdict.ts'
import { eachOnce } from '../primitives/each-once.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import type { JudgedAdmission } from '../reach/by-record.ts'
import { policyByRecord } from '../reach/unknown-addresses.ts'
import { claimsToKeep } from '../verifier/entry.ts'
import { readMachineKey } from '../verifier/machine-key.ts'
import { subjectOfEntry } from '../verifier/subject.ts'

/** What Nix's signatures are over, and those that name a listed key. */
export interface SignedInfo {
  readonly narSize: number
  readonly references: readonly string[]
  /** As `namedSignatures` gives them. */
  readonly signatures: string
}

/** Claims about an admitted path that its entry does not have, as an entry of now would keep them. */
export interface SignedSince {
  readonly claims: readonly AdmittedClaim[]
  /**
   * Whether the same is found as long as the signatures and the files are the same. Not if a key
   * ends, if not all could be verified, or if something could not be read.
   */
  readonly isLasting: boolean
}

/** What was signed since. */
export interface Later {
  /**
   * What is another text once a file about a path in the directories of attestations comes, changes
   * or goes, or is not read any more because of who can write there; empty without such files.
   */
  filesOf(path: string): string
  /**
   * Undefined if nothing was signed since; comes to undefined if the time is over before that is
   * known. What cannot be read, or does not verify, is no claim.
   */
  claimsAbout(
    entry: JudgedAdmission,
    info: SignedInfo,
    files: string,
  ): Promise<SignedSince | undefined> | undefined
}

/** The most signatures of one path that are looked at. */
const SIGNATURE_LIMIT = 32
/**
 * Units of work (crypto/work.ts) that a whole audit may spend on signatures that do not verify: half a
 * second. Whoever adds these also chooses how many references there are to hash.
 */
const FAILURE_LIMIT = 10_000

const SIGNATURE = /^[!-9;-~]+:[A-Za-z0-9+/]{86}==$/

/** Those of a path's signatures that name one of these keys, with a space between; often empty. */
export function namedSignatures(signatures: readonly string[], names: ReadonlySet<string>): string {
  let named = ''
  let count = 0
  for (const text of signatures) {
    if (!names.has(text.slice(0, text.indexOf(':'))) || !SIGNATURE.test(text)) continue
    named = named === '' ? text : `${named} ${text}`
    if (++count === SIGNATURE_LIMIT) break
  }
  return named
}

/** Looks for what was signed since, under this policy. `end`: of the time, as of performance.now(). */
export function openLater(
  policy: Policy,
  state: string,
  { now, end }: { readonly now: Instant; readonly end: number },
): Later {
  const directories = policy.attestations.map(directory => {
    return { directory, starts: new Set(readableNamesIn(directory)) }
  })
  const placed = Math.max(0, ...policy.attestations.map(placedAt))
  const isRead = eachOnce(isReadDirectory)
  const signedBy = openSignatures(policy)
  const attested = openAttested(policy, state)
  return {
    filesOf(path) {
      const start = digestIn(path).slice(0, 2)
      let files = ''
      for (const [place, { directory, starts }] of directories.entries()) {
        if (!starts.has(start)) continue
        for (const fileIn of [attestationFile, narinfoFile]) {
          const file = fileIn(directory, path)
          const one = told(place, file)
          const isLeftOut = fileIn === attestationFile && !(isRead(directory) && isRead(dirname(file)))
          if (one === undefined || isLeftOut) continue
          files += `${files === '' ? '' : ' '}${one}`
        }
      }
      return files
    },
    claimsAbout(entry, info, files) {
      const { claims, isCut } = entry.kind === 'output' ? signedBy(entry, info) : NOTHING_STORED
      // What was there before is in the entry, as far as it counted.
      if (files === '' || Math.max(placed, lastChangeIn(files)) < entry.time * 1e9) {
        if (claims.length === 0 && !isCut) return undefined
        return Promise.resolve({ claims: claimsToKeep(claims, now), isLasting: !isCut })
      }
      // Reading may take a second for each path.
      if (performance.now() >= end) return Promise.resolve(undefined)
      return attested(entry).then(({ claims: more, troubles }) => ({
        claims: newTo(entry, [...claims, ...more], now),
        isLasting: !isCut && troubles.length === 0 && more.every(({ until }) => until === undefined),
      }))
    },
  }
}

/**
 * When a directory, or what leads to it, was put there, or something was put into it, in nanoseconds
 * since 1970: files that were moved there with their directory may be older than that.
 */
function placedAt(directory: string): number {
  try {
    return Math.max(lstatSync(directory).ctimeMs, statSync(directory).ctimeMs) * 1e6
  } catch {
    // One that cannot be inspected has no files.
    return 0
  }
}

const NONE: readonly never[] = []

/** A file as it is told: most paths of most directories have none. Whoever can change one cannot set its ctime. */
function told(place: number, file: string): string | undefined {
  try {
    const status = lstatSync(file, { throwIfNoEntry: false })
    // Exact to a microsecond; a bigint takes twice as long.
    return status && `${place}:${status.ino}:${Math.round(status.ctimeMs * 1000)}000`
  } catch {
    // One that cannot be inspected is none.
    return undefined
  }
}

/** When the last of these files (`filesOf`) was changed, in nanoseconds since 1970; 0 without files. */
export function lastChangeIn(files: string): number {
  if (files === '') return 0
  return Math.max(...files.split(' ').map(changeIn))
}

/** Claims by signatures, and whether there was not enough work left to try all of them. */
interface Stored {
  readonly claims: readonly Claim[]
  readonly isCut: boolean
}

const NOTHING_STORED: Stored = { claims: NONE, isCut: false }

/**
 * Claims by the signatures that name a listed key and verify with it. Those by keys that the entry
 * has are not verified again.
 */
function openSignatures(policy: Policy) {
  const named = new Map<string, Ed25519Key[]>()
  for (const key of nixKeys(policy))
    if (key.name !== undefined) named.set(key.name, [...(named.get(key.name) ?? []), key])
  let left = FAILURE_LIMIT
  return (entry: JudgedAdmission, { narSize, references, signatures }: SignedInfo): Stored => {
    if (signatures === '') return NOTHING_STORED
    const claims: Claim[] = []
    const { path, narHash } = entry
    const isKnown = ({ identity }: Ed25519Key) =>
      [...entry.claims, ...claims].some(({ key, role }) => key === identity && role === 'builder')
    const tried = signatures
      .split(' ')
      .flatMap(text => (named.get(text.slice(0, text.indexOf(':'))) ?? NONE).map(key => ({ text, key })))
      .filter(({ key }) => !isKnown(key))
    if (tried.length === 0) return NOTHING_STORED
    if (left <= 0) return { claims: NONE, isCut: true }
    const message = Buffer.from(narFingerprint({ path, narHash, narSize, references }), 'utf8')
    let isCut = false
    for (const { text, key } of tried) {
      if (isKnown(key)) continue
      if (left <= 0) isCut = true
      else if (verifies(text, message, key)) claims.push({ ...STORED, key: key.identity, path, narHash })
      else left -= 1 + hashingCost(message.byteLength)
    }
    return { claims, isCut }
  }
}

const STORED = { role: 'builder', trace: 'nix', origin: "the store's database" } as const

function verifies(text: string, message: Uint8Array, { publicKey }: Ed25519Key): boolean {
  const parsed = readSignature(text)
  return parsed !== undefined && verifyEd25519(message, parsed.signature, publicKey)
}

/** What the directories attest about the contents that were admitted; other contents are none of these. */
function openAttested(policy: Policy, state: string) {
  const own = readMachineKey(state)
  const readWhole = attestationReader(policy, own)
  return async (entry: JudgedAdmission): Promise<Pick<Evidence, 'claims' | 'troubles'>> => {
    const about = policyByRecord(policy, subjectOfEntry(entry))
    const read = about === policy ? readWhole : attestationReader(about, own)
    const attested = await read(entry.path)
    const signed = narinfoEvidence(about, about.attestations, entry.path)
    return {
      claims: [...attested.claims, ...signed.claims].filter(({ narHash }) => narHash === entry.narHash),
      troubles: [...attested.troubles, ...signed.troubles],
    }
  }
}

/** Claims as an entry keeps them, each once, without those that this entry has. */
function newTo({ claims }: JudgedAdmission, found: readonly Claim[], now: Instant): readonly AdmittedClaim[] {
  const said = ({ key, role, graph }: AdmittedClaim) => `${key} ${role} ${graph ?? '-'}`
  const known = new Set(claims.map(said))
  return claimsToKeep(found, now).filter(claim => {
    const isNew = !known.has(said(claim))
    known.add(said(claim))
    return isNew
  })
}
