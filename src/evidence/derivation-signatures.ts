/**
 * Developers' signatures that a derivation names itself. They are checked like those in a directory of attestations,
 * by the user's own keys: whoever wrote the derivation can say where to look, and cannot vouch for anything.
 */
import { lstatSync } from 'node:fs'
import { SIGNED_LIST_LIMIT, signatureKind } from '../crypto/detached/verify.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT, parseChecksumList } from '../formats/checksum-list.ts'
import { assertInert } from '../formats/inert.ts'
import type { DeclaredSignature } from '../formats/nix/declared-signatures.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { looksLikeCleartext, parseCleartext } from '../formats/openpgp/cleartext.ts'
import type { Policy } from '../policy/policy.ts'
import type { Evidence, Subject } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { evidenceOfSignature } from './developer-signatures.ts'
import { mergeEvidence } from './merge.ts'

/** Signatures that nobody stands for, and bytes that are read for them. */
const HEARSAY_SIGNATURES = 64
const HEARSAY_BYTES = 256 * 1024 * 1024

/** What one derivation says of the signatures of one path. */
export interface Declaration {
  /** The derivation that says it: a whole store path. */
  readonly by: string
  readonly signatures: readonly DeclaredSignature[]
  /** Why what it says cannot be read; escaped. */
  readonly problem?: string
  /** Nobody stands for it, and it is not what is being built: it can show a signature, and raise no doubt. */
  readonly isHearsay?: true
}

/** As what a file is named: a signature, the list of checksums that one is over, or whichever of the two it is. */
export type SignaturePart = 'signature' | 'checksums' | 'either'

/**
 * What the signatures that derivations name say about a source whose file lies at `fsPath` and has the NAR hash that
 * `subject` names; that hash is the caller's word. `fileNames`: how a list of checksums may call it. `maker` tells
 * the derivation that makes a store path, for the advice where a signature is missing. Throws nothing that a
 * derivation or a file can cause.
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

/** How many signatures that nobody stands for are tried: each may have the whole file read. */
function hearsayLimit(fsPath: string): number {
  const size = lstatSync(fsPath, { throwIfNoEntry: false })?.size ?? 0
  return Math.min(HEARSAY_SIGNATURES, Math.ceil(HEARSAY_BYTES / Math.max(1, size)))
}

/**
 * Why a file of the store is not what it is named as; undefined if it is: one plain file that cannot be run and that
 * is, from its first byte to its last, a signature or a list of checksums, in which nothing stands that could be a
 * program (H7).
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

/** Throws FormatError. A text that carries its own signature has to be a list of checksums, or it could be anything. */
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
