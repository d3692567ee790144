/**
 * Developers' own detached signatures of source files, kept beside the attestations of the store
 * path that holds the file: `<dir>/<xx>/<digest>` with an extension. The extension is for people;
 * a file's contents tell what kind of signature it holds.
 *
 *     .asc .sig .minisig .signify .sshsig .sigstore.json    a signature of the file
 *     .sums                                                 a list of checksums, perhaps signed
 *     .sums.asc .sums.sig …                                 a signature of that list
 *     .2.asc … .2.sums.asc … .4.asc …                       further sets, where names are taken
 */
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import {
  isInOnePiece,
  SIGNATURE_FILE_LIMIT,
  SIGNED_LIST_LIMIT,
  signatureKind,
} from '../crypto/detached/verify.ts'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { DIRECT_SIGNATURES, type DirectExtension, keptAs } from '../formats/detached/forms.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { isText } from '../formats/openpgp/armor.ts'
import { SIGNATURE_SETS, type SignatureSet, setPrefix } from '../formats/publication.ts'
import type { Stray } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'

const LIST = '.sums' as const

export type SignatureExtension = DirectExtension | typeof LIST | `${typeof LIST}${DirectExtension}`

/** Extensions in the order in which they are tried. */
export const SIGNATURE_EXTENSIONS: readonly SignatureExtension[] = [
  ...DIRECT_SIGNATURES,
  LIST,
  ...DIRECT_SIGNATURES.map(extension => `${LIST}${extension}` as const),
]

/** A signature that is kept, and the list of checksums beside it, if it signs one. */
export interface KeptSignature {
  readonly origin: string
  readonly checksums?: string
}
/**
 * The file in which a developer's signature of a store path is kept. Throws FormatError if it is
 * not a store path.
 */
export function developerSignatureFile(
  dir: string,
  storePath: string,
  extension: SignatureExtension,
  set: SignatureSet = 1,
): string {
  const { digest } = parseStorePath(storePath)
  return join(dir, digest.slice(0, 2), `${digest}${setPrefix(set)}${extension}`)
}

/**
 * The signature files of a store path that exist, or whatever has their names, in the order of the
 * directories. A file that cannot be inspected counts as existing: reading it gives the reason.
 * Throws FormatError if it is not a store path.
 */
export function developerSignatureFiles(
  directories: readonly string[],
  storePath: string,
): readonly string[] {
  return directories
    .flatMap(dir =>
      SIGNATURE_SETS.flatMap(set =>
        SIGNATURE_EXTENSIONS.map(extension => developerSignatureFile(dir, storePath, extension, set)),
      ),
    )
    .filter(isThere)
}

/** Signatures, and files beside them that say nothing. */
export interface KeptSignatures {
  readonly signatures: readonly KeptSignature[]
  readonly strays: readonly Stray[]
}

/**
 * The signature files in one directory, in two groups: signatures, each with the list that it
 * signs; and files that say nothing, which are unsigned lists and signatures of absent lists.
 * Throws FormatError and FileError as reading a list does.
 */
export function keptSignatures(dir: string, storePath: string): KeptSignatures {
  const sets = SIGNATURE_SETS.map(set => keptInSet(dir, storePath, set))
  return {
    signatures: sets.flatMap(({ signatures }) => signatures),
    strays: sets.flatMap(({ strays }) => strays),
  }
}

function keptInSet(dir: string, storePath: string, set: SignatureSet): KeptSignatures {
  const there = (extension: SignatureExtension) => {
    const file = developerSignatureFile(dir, storePath, extension, set)
    return isThere(file) ? [file] : []
  }
  const direct = DIRECT_SIGNATURES.flatMap(there).map(origin => ({ origin }))
  const ofLists = DIRECT_SIGNATURES.flatMap(extension => there(`${LIST}${extension}`))
  const [list] = there(LIST)
  if (list === undefined) {
    const detail = 'a signature of a list of checksums that is not there'
    return { signatures: direct, strays: ofLists.map(origin => ({ problem: 'unused', origin, detail })) }
  }
  if (isInOnePiece(readSignature(list))) direct.push({ origin: list })
  else if (ofLists.length === 0) {
    const stray = {
      problem: 'unused',
      origin: list,
      detail: 'a list of checksums that nobody signed',
    } as const
    return { signatures: direct, strays: [stray] }
  }
  return { signatures: [...direct, ...ofLists.map(origin => ({ origin, checksums: list }))], strays: [] }
}

/**
 * Keeps a signature under the extension of its kind, with the list of checksums that it signs;
 * returns whether either was new. Throws as storeDeveloperSignature does.
 */
export function keepSignature(
  dir: string,
  storePath: string,
  { signature, checksums }: { readonly signature: Uint8Array; readonly checksums?: Uint8Array },
): boolean {
  const extension = extensionOf(signature)
  if (checksums === undefined) return storeDeveloperSignature(dir, storePath, extension, signature)
  if (extension === LIST)
    throw new FormatError('detached signature', 'a signed text of its own', 'the whole file')
  return storeTogether(
    dir,
    storePath,
    new Map([[LIST, checksums] as const, [`${LIST}${extension}`, signature] as const]),
  )
}

function extensionOf(signature: Uint8Array): DirectExtension | typeof LIST {
  if (isInOnePiece(signature)) return LIST
  return keptAs(signatureKind(signature), { isText: isText(signature) })
}

/** The contents of a signature file or a list. Throws FileError. */
export function readSignature(file: string): Buffer {
  const bytes = readRegularFile(file, limitOf(file))
  if (bytes === undefined) throw new FileError(`${printable(file)} went away while it was read`)
  return bytes
}

/** The most bytes that a file of this name may have. */
function limitOf(name: string): number {
  return name.endsWith(LIST) ? SIGNED_LIST_LIMIT : SIGNATURE_FILE_LIMIT
}

/**
 * Keeps a developer's signature of a store path; returns whether it was new. Throws as
 * storeTogether does.
 */
export function storeDeveloperSignature(
  dir: string,
  storePath: string,
  extension: SignatureExtension,
  bytes: Uint8Array,
): boolean {
  return storeTogether(dir, storePath, new Map([[extension, bytes]]))
}

/**
 * Keeps files that belong together, a list and its signatures, in the first set in which each of
 * them is already present or has room; returns whether any was new. Each file appears whole or not
 * at all, and never replaces another. Makes missing directories (0755). All files are on disk when
 * this returns. Throws FormatError if `storePath` is not a store path or a file is empty or too
 * large, and FileError if they cannot be written or all sets are full.
 */
export function storeTogether(
  dir: string,
  storePath: string,
  files: ReadonlyMap<SignatureExtension, Uint8Array>,
): boolean {
  for (const [extension, { length }] of files) {
    const limit = limitOf(extension)
    if (length > 0 && length <= limit) continue
    throw new FormatError('detached signature', `not 1 to ${limit} bytes`, 'the whole file')
  }
  const fits = (set: SignatureSet) =>
    [...files].every(([extension, bytes]) => {
      const file = developerSignatureFile(dir, storePath, extension, set)
      return !isThere(file) || readSignature(file).equals(bytes)
    })
  for (const set of SIGNATURE_SETS) {
    if (!fits(set)) continue
    const stored = [...files].map(([extension, bytes]) =>
      storeFile(developerSignatureFile(dir, storePath, extension, set), bytes),
    )
    // Another process may have taken a name in this moment.
    if (!stored.includes('taken')) return stored.includes('new')
  }
  const file = developerSignatureFile(dir, storePath, [...files.keys()][0] ?? LIST)
  throw new FileError(
    `${printable(file)} and ${SIGNATURE_SETS.length - 1} more hold other signatures already: remove what is of no use`,
  )
}

function storeFile(file: string, bytes: Uint8Array): 'new' | 'known' | 'taken' {
  const partial = `${file}.${toHex(randomBytes(8))}~`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    const isNew = linkNew(partial, file, bytes)
    if (isNew) syncDirectory(dirname(file))
    if (isNew) return 'new'
    return readSignature(file).equals(bytes) ? 'known' : 'taken'
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(`cannot write ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/**
 * Writes under one name and links to the other: unlike renaming, this never replaces a file.
 * Returns false if that name is taken.
 */
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
