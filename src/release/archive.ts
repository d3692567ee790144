/**
 * An archive of a release, `nixsig-VERSION-linux-ARCH.tar.gz`, with SHA256SUMS and its signature
 * SHA256SUMS.sig beside it.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SIGNED_LIST_LIMIT, verifyDetached } from '../crypto/detached/verify.ts'
import { readNamedFile } from '../files/named-file.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { detachedStatus, detachedWords } from '../packaging/detached-words.ts'
import { parseKey } from '../policy/language/keys.ts'
import type { Key } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'

export const LIST = 'SHA256SUMS'
export const SIGNATURE = 'SHA256SUMS.sig'
/** Keys whose owners release nixsig, beside its programs and in /etc/nixsig: one a line. */
export const RELEASE_KEYS = 'release.keys'

const LIST_LIMIT = 1024 * 1024
const KEYS_LIMIT = 64 * 1024
const ARCHIVE_LIMIT = 256 * 1024 * 1024
/** Milliseconds to unpack. */
const PATIENCE = 120_000

/** The keys in a file of release keys; none if it is absent. Throws FileError and FormatError. */
export function releaseKeysIn(file: string): readonly Key[] {
  if (!existsSync(file)) return []
  const lines = readProtectedFile(file, KEYS_LIMIT).toString('utf8').split('\n')
  return lines.filter(line => line.trim() !== '' && !line.startsWith('#')).map(line => parseKey(line))
}

/** Who may have signed an archive; `unsigned`: nobody need have. */
export type Signers = { readonly keys: readonly Key[] } | 'unsigned'

/** What was made of an archive. */
export interface Unpacked {
  /** The directory of the programs, below the one that was given. */
  readonly programs: string
  /** What is known of its signature, as a sentence. */
  readonly words: string
}

/**
 * Unpacks an archive into a directory that is not there yet and that nobody else may write to. What
 * is checked is the copy that is unpacked. Throws FileError if it is not signed by one of the keys.
 */
export async function unpackArchive(archive: string, signers: Signers, into: string): Promise<Unpacked> {
  mkdirSync(into, { mode: 0o700 })
  const copy = join(into, 'archive.tar.gz')
  copyFileSync(archive, copy)
  if (readFileSync(copy).length > ARCHIVE_LIMIT)
    throw new FileError(`${printable(archive)} is larger than ${ARCHIVE_LIMIT} bytes`)
  const words =
    signers === 'unsigned' ? 'not checked: --unsigned' : await signedWords(archive, copy, signers.keys)
  const unpacked = join(into, 'unpacked')
  mkdirSync(unpacked, { mode: 0o755 })
  const args = ['-xzf', copy, '-C', unpacked, '--no-same-owner', '--no-same-permissions']
  const { status, stderr } = await runProgram('tar', args, PATIENCE)
  if (status !== 0)
    throw new FileError(`${printable(archive)} cannot be unpacked: ${printable(stderr.trim(), 300)}`)
  rmSync(copy)
  const [name, ...more] = readdirSync(unpacked)
  if (name === undefined || more.length > 0)
    throw new FileError(`${printable(archive)} is no archive of nixsig: it has no single directory`)
  return { programs: join(unpacked, name), words }
}

/** Throws FileError unless the list beside the archive is signed by a key and has its hash. */
async function signedWords(archive: string, copy: string, keys: readonly Key[]): Promise<string> {
  const name = printable(archive)
  if (keys.length === 0) {
    throw new FileError(
      `nobody says who may sign ${name}: name a key of its makers (--key KEY), or put it into /etc/nixsig/${RELEASE_KEYS}; --unsigned takes it unchecked`,
    )
  }
  const [list, signature] = [LIST, SIGNATURE].map(file => join(dirname(archive), file))
  if (!(existsSync(list ?? '') && existsSync(signature ?? ''))) {
    throw new FileError(
      `${name} needs ${LIST} and ${SIGNATURE} beside it, which say who made it; --unsigned takes it unchecked`,
    )
  }
  const results = await verifyDetached({
    file: copy,
    signature: readNamedFile(signature ?? '', SIGNED_LIST_LIMIT).bytes,
    checksums: readNamedFile(list ?? '', LIST_LIMIT).bytes,
    keys,
    fileNames: [basename(archive)],
  })
  const found = results.map(detachedWords).join('; ') || 'none of the keys makes signatures of this kind'
  if (detachedStatus(results) === 0) return found
  throw new FileError(`${name} is not what its makers signed: ${found}; nothing was installed`)
}
