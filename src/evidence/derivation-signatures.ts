/**
 * Developers' signatures that a derivation names itself. They are checked with the user's own keys,
 * like those in a directory of attestations: the author of a derivation can say where to look, but
 * cannot vouch for anything.
 */
import { lstatSync } from 'node:fs'
import { SIGNED_LIST_LIMIT, signatureKind } from '../crypto/detached/verify.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT, parseChecksumList } from '../formats/checksum-list.ts'
import type { DeclaredSignature } from '../formats/nix/declared-signatures.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { assertInert } from '../formats/not-a-program.ts'
import { looksLikeCleartext, parseCleartext } from '../formats/openpgp/cleartext.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { evidenceOfSignature } from './developer-signatures.ts'
import { mergeEvidence } from './merge.ts'

/**
 * Limits for signatures that only an untrusted derivation names: how many are tried, and how many
 * bytes are read for them.
 */
const HEARSAY_SIGNATURES = 64
const HEARSAY_BYTES = 256 * 1024 * 1024

/** What one derivation says about the signatures of one path. */
export interface Declaration {
  /** The derivation that says it: a full store path. */
  readonly by: string
  readonly signatures: readonly DeclaredSignature[]
  /** Why the derivation's statement cannot be read; escaped. */
  readonly problem?: string
  /**
   * Set if nobody vouches for the derivation and it is not the one that is being built. It can
   * contribute a signature but raise no trouble.
   */
  readonly isHearsay?: true
}

/**
 * What the derivation calls the file: a signature, the list of checksums that a signature is over,
 * or either of them.
 */
export type SignaturePart = 'signature' | 'checksums' | 'either'

/**
 * Checks the signatures that derivations name for a source. Its file is at `fsPath`; that it has
 * the NAR hash in `subject` is the caller's responsibility. `fileNames`: the names that a list of
 * checksums may give it. `maker` finds the derivation that makes a store path, for the advice where
 * a signature is missing. Never throws because of what a derivation or a file contains.
 */
export async function inBandEvidence(
  policy: Policy,
  source: { readonly subject: Subject; readonly fsPath: string; readonly fileNames: readonly string[] },
  declarations: readonly Declaration[],
  maker: (path: string) => Promise<string | undefined>,
): Promise<Evidence> {
  const { subject, fsPath } = source
  const parts: Evidence[] = []
  const tried = new Set<string>()
  let left = hearsayLimit(fsPath)
  const inOrder = [
    ...declarations.filter(each => !each.isHearsay),
    ...declarations.filter(each => each.isHearsay),
  ]
  for (const { by, signatures, problem, isHearsay } of inOrder) {
    const found: Evidence[] = []
    if (problem !== undefined) found.push(troubleIn(by, problem))
    for (const declared of signatures) {
      const asked = [declared.signature, declared.checksums, declared.kind, declared.fileName].join('\n')
      if (isHearsay && (tried.has(asked) || left-- <= 0)) continue
      tried.add(asked)
      const fileNames = [...source.fileNames, ...(declared.fileName === undefined ? [] : [declared.fileName])]
      const origin = `${declared.signature}, as ${parseStorePath(by).name} says`
      try {
        const given = { origin, fileNames, ...(await read(declared, maker)) }
        found.push(await evidenceOfSignature(policy, subject, fsPath, given))
      } catch (error) {
        if (!(error instanceof FormatError) && !(error instanceof FileError)) throw error
        found.push(troubleIn(by, error.message))
      }
    }
    parts.push(...(isHearsay ? found.map(each => ({ ...each, troubles: [] })) : found))
  }
  return mergeEvidence(parts)
}

/**
 * How many of the signatures for which nobody vouches are tried: each may require reading the whole
 * file.
 */
function hearsayLimit(fsPath: string): number {
  const size = lstatSync(fsPath, { throwIfNoEntry: false })?.size ?? 0
  return Math.min(HEARSAY_SIGNATURES, Math.ceil(HEARSAY_BYTES / Math.max(1, size)))
}

/**
 * Why a file of the store is not what the derivation calls it; undefined if it is. It has to be one
 * plain, non-executable file that is a signature or a list of checksums from its first byte to its
 * last and that has nothing in it that could be a program (H7).
 */
export function whyNoSignature(path: string, part: SignaturePart): string | undefined {
  try {
    const bytes = readPart(path, part === 'signature' ? SIGNED_LIST_LIMIT : CHECKSUM_LIST_LIMIT)
    if (bytes === undefined) return 'it is not there'
    assertPart(bytes, part)
    assertInert(bytes)
    return undefined
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return error.message
    throw error
  }
}

async function read(declared: DeclaredSignature, maker: (path: string) => Promise<string | undefined>) {
  const get = async (path: string, part: SignaturePart) => {
    const bytes = readPart(path, part === 'signature' ? SIGNED_LIST_LIMIT : CHECKSUM_LIST_LIMIT)
    if (bytes !== undefined) return bytes
    const wanted = (await maker(path)) ?? path
    throw new FileError(`${path} is not in the store: nix-store --realise ${wanted}`)
  }
  const signature = await get(declared.signature, 'signature')
  const kind = signatureKind(signature)
  if (declared.kind !== undefined && declared.kind !== kind) {
    throw new FormatError(
      'nixsigSignatures',
      `it is said to be ${declared.kind}, and is ${kind}`,
      declared.signature,
    )
  }
  if (declared.checksums === undefined) return { signature }
  return { signature, checksums: await get(declared.checksums, 'checksums') }
}

function readPart(path: string, limit: number): Uint8Array | undefined {
  return readRegularFile(path, limit, ({ mode }) => {
    if ((mode & 0o111) !== 0) throw new FileError(`${printable(path)} is executable`)
  })
}

/**
 * Throws FormatError. A text that carries its own signature has to be a list of checksums;
 * otherwise it could be anything.
 */
function assertPart(bytes: Uint8Array, part: SignaturePart): void {
  if (part === 'checksums' || (part === 'either' && !isSignature(bytes))) {
    parseChecksumList(bytes)
    return
  }
  signatureKind(bytes)
  if (looksLikeCleartext(bytes)) parseChecksumList(Buffer.from(parseCleartext(bytes).text, 'utf8'))
}

function isSignature(bytes: Uint8Array): boolean {
  try {
    signatureKind(bytes)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function troubleIn(by: string, detail: string): Evidence {
  return { claims: [], strays: [], troubles: [{ origin: by, detail }] }
}
