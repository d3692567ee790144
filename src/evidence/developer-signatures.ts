/**
 * Developers' own detached signatures of source files, kept beside the attestations of the store path that holds the
 * file: `<dir>/<xx>/<digest>.asc`, `.sig` or `.minisig`. The extension is for people; what kind of signature a file
 * holds is told by its contents.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type DetachedResult, SIGNATURE_FILE_LIMIT, verifyDetached } from '../crypto/detached/verify.ts'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/store-path.ts'
import type { Key, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Stray, Subject, Trouble } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'

/** Extensions of detached signatures, in the order in which they are looked at. */
export const SIGNATURE_EXTENSIONS = ['.asc', '.sig', '.minisig'] as const

export type SignatureExtension = (typeof SIGNATURE_EXTENSIONS)[number]

/** Where a developer's signature of a store path is kept. Throws FormatError if that is none. */
export function developerSignatureFile(
  dir: string,
  storePath: string,
  extension: SignatureExtension,
): string {
  const { digest } = parseStorePath(storePath)
  return join(dir, digest.slice(0, 2), `${digest}${extension}`)
}

/**
 * The signature files that there are for a store path, or whatever has their names, in the order of the directories. One
 * that cannot be looked at counts as being there: reading it will say why. Throws FormatError if that is no store path.
 */
export function developerSignatureFiles(
  directories: readonly string[],
  storePath: string,
): readonly string[] {
  return directories
    .flatMap(dir => SIGNATURE_EXTENSIONS.map(extension => developerSignatureFile(dir, storePath, extension)))
    .filter(isThere)
}

/**
 * What developers' signatures say about a source whose files lie at `fsPath` and have the NAR hash that `subject` names;
 * that hash is the caller's word. All keys of the policy are tried, and a claim is made for each that signed. Only a
 * plain file has its bytes signed: a tree, a link or an executable (its mode is part of the NAR hash, and not of what
 * was signed) leaves the signature unused. Keys' dates and revocations in the policy are the judge's business.
 * Signature files or certificates that cannot be read are troubles. Throws nothing that a file on the disk can cause.
 */
export async function developerEvidence(policy: Policy, subject: Subject, fsPath: string): Promise<Evidence> {
  const files = developerSignatureFiles(policy.attestations, subject.path)
  if (files.length === 0) return { claims: [], strays: [], troubles: [] }
  const keys = [...policy.principals.values()].flatMap(principal => principal.keys)
  const evidence = { claims: [] as Claim[], strays: [] as Stray[], troubles: [] as Trouble[] }
  for (const file of files) {
    try {
      const unfit = whyUnfit(fsPath)
      if (unfit !== undefined) {
        evidence.strays.push({ problem: 'unused', origin: file, detail: unfit })
        continue
      }
      const results = await verifyFile(file, fsPath, keys)
      evidence.claims.push(...results.flatMap(result => claimsOf(result, subject, file)))
      evidence.strays.push(...straysOf(results, file))
      evidence.troubles.push(...results.flatMap(result => troublesOf(result, file)))
    } catch (error) {
      if (!(error instanceof FormatError) && !(error instanceof FileError)) throw error
      evidence.troubles.push({ origin: file, detail: error.message })
    }
  }
  return evidence
}

/**
 * Keeps a developer's signature of a store path; says whether it was new. Appears whole or not at all, and never in
 * place of another: FileError if a different one has that name. Makes missing directories (0755); the file is on the
 * disk when this returns. Throws FormatError if `storePath` is none, and FileError if it cannot be written.
 */
export function storeDeveloperSignature(
  dir: string,
  storePath: string,
  extension: SignatureExtension,
  bytes: Uint8Array,
): boolean {
  if (bytes.length === 0 || bytes.length > SIGNATURE_FILE_LIMIT) {
    throw new FormatError('detached signature', `not 1 to ${SIGNATURE_FILE_LIMIT} bytes`, 'the whole file')
  }
  const file = developerSignatureFile(dir, storePath, extension)
  const partial = `${file}.${toHex(randomBytes(8))}~`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    const isNew = linkNew(partial, file, bytes)
    if (isNew) syncDirectory(dirname(file))
    if (isNew || readSignature(file).equals(bytes)) return isNew
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`cannot write ${printable(file)}: ${printable((error as Error).message)}`)
  }
  throw new FileError(`${printable(file)} holds another signature already`)
}

/** Writes under one name and links to the other, which unlike renaming replaces nothing. False if that name is taken. */
function linkNew(partial: string, file: string, bytes: Uint8Array): boolean {
  const fd = openSync(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
    linkSync(partial, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    closeSync(fd)
    unlinkSync(partial)
  }
}

function isThere(file: string): boolean {
  try {
    lstatSync(file)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

function readSignature(file: string): Buffer {
  const bytes = readRegularFile(file, SIGNATURE_FILE_LIMIT)
  if (bytes === undefined) throw new FileError(`${printable(file)} went away while it was read`)
  return bytes
}

function verifyFile(file: string, fsPath: string, keys: readonly Key[]): Promise<readonly DetachedResult[]> {
  return verifyDetached({ file: fsPath, signature: readSignature(file), keys })
}

/** Why a detached signature cannot speak for what lies at a path; undefined if it can. Throws FileError. */
function whyUnfit(fsPath: string): string | undefined {
  let status: Stats
  try {
    status = lstatSync(fsPath)
  } catch (error) {
    throw new FileError(`cannot read ${printable(fsPath)}: ${printable((error as Error).message)}`)
  }
  if (!status.isFile()) return 'a detached signature is over one file, and this source is none'
  if ((status.mode & 0o111) !== 0) return 'a detached signature does not cover that this file is executable'
  return undefined
}

function claimsOf(result: DetachedResult, subject: Subject, origin: string): readonly Claim[] {
  if (result.outcome !== 'good') return []
  const { path, narHash } = subject
  return [{ key: result.key.identity, role: 'developer', path, narHash, origin }]
}

const PROBLEMS = {
  'bad-signature': 'bad-signature',
  unacceptable: 'bad-signature',
  'expired-signature': 'expired-signature',
  'expired-key': 'expired-signature',
  'expired-since': 'expired-signature',
  'revoked-key': 'revoked-key',
} as const satisfies Partial<Record<DetachedResult['outcome'], Stray['problem']>>

/** A signature that names none of the keys is one stray, not one for each key that it does not name. */
function straysOf(results: readonly DetachedResult[], origin: string): readonly Stray[] {
  const strays = results.flatMap(({ outcome, key, detail }): readonly Stray[] =>
    outcome in PROBLEMS
      ? [{ problem: PROBLEMS[outcome as keyof typeof PROBLEMS], origin, detail: `${key.label}: ${detail}` }]
      : [],
  )
  if (!results.every(({ outcome }) => outcome === 'unknown-signer')) return strays
  const detail = results[0]?.detail ?? 'no key of this kind is listed'
  return [{ problem: 'unknown-signer', origin, detail }]
}

function troublesOf({ outcome, key, detail }: DetachedResult, origin: string): readonly Trouble[] {
  return outcome === 'unreadable' ? [{ origin, detail: `${key.label}: ${detail}` }] : []
}
