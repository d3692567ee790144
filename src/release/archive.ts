/**
 * An archive of a release, `nixsig-VERSION-linux-ARCH.tar.gz`, with SHA256SUMS and its signature
 * SHA256SUMS.sig beside it.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SIGNED_LIST_LIMIT, verifyDetached } from '../crypto/detached/verify.ts'
import { readNamedFile } from '../files/named-file.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { ArgumentError, FileError, withRegularFile } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { detachedStatus, detachedSummary } from '../packaging/detached-words.ts'
import { parseKey } from '../policy/language/keys.ts'
import type { Key } from '../policy/policy.ts'
import { inOneLine, printable } from '../primitives/printable.ts'

export const LIST = 'SHA256SUMS'
export const SIGNATURE = 'SHA256SUMS.sig'
/** Keys whose owners release nixsig, beside its programs and in /etc/nixsig: one a line. */
export const RELEASE_KEYS = 'release.keys'

const LIST_LIMIT = 1024 * 1024
const KEYS_LIMIT = 64 * 1024
const ARCHIVE_LIMIT = 256 * 1024 * 1024
/** Bytes that are copied at once. */
const PIECE = 1024 * 1024
const GET_ANEW = `get the archive, ${LIST} and ${SIGNATURE} anew from its makers, and call again`
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
  copyArchive(archive, copy)
  const words =
    signers === 'unsigned' ? 'not checked: --unsigned' : await signedWords(archive, copy, signers.keys)
  const unpacked = join(into, 'unpacked')
  mkdirSync(unpacked, { mode: 0o755 })
  const args = ['-xzf', copy, '-C', unpacked, '--no-same-owner', '--no-same-permissions']
  const { status, stderr } = await runProgram('tar', args, PATIENCE)
  if (status !== 0)
    throw new FileError(
      `${printable(archive)} cannot be unpacked: ${inOneLine(stderr, 300)}; next: ${GET_ANEW}`,
    )
  rmSync(copy)
  const [name, ...more] = readdirSync(unpacked)
  if (name === undefined || more.length > 0)
    throw new FileError(
      `${printable(archive)} is no archive of nixsig: it has no single directory; next: ${GET_ANEW}`,
    )
  return { programs: join(unpacked, name), words }
}

/**
 * Copies an archive into a new file. Nothing but a regular file is waited for, and no more than the
 * limit is written. Throws FileError.
 */
function copyArchive(archive: string, copy: string): void {
  const name = printable(archive)
  const isThere = withRegularFile(archive, (from, { size }) => {
    if (size > ARCHIVE_LIMIT) throw tooLarge(name)
    const to = openSync(copy, 'wx', 0o600)
    try {
      const buffer = Buffer.allocUnsafe(PIECE)
      for (let length = 0; ; ) {
        const count = readSync(from, buffer, 0, PIECE, null)
        if (length === 0) assertGzip(archive, buffer.subarray(0, count))
        if (count === 0) return true
        length += count
        if (length > ARCHIVE_LIMIT) throw tooLarge(name)
        for (let done = 0; done < count; ) done += writeSync(to, buffer, done, count - done)
      }
    } finally {
      closeSync(to)
    }
  })
  if (isThere === undefined) throw new ArgumentError(`there is no file ${name}`)
}

function tooLarge(name: string): FileError {
  return new FileError(`${name} is larger than ${ARCHIVE_LIMIT} bytes; next: ${GET_ANEW}`)
}

/** Throws ArgumentError for what begins as no archive does. */
function assertGzip(archive: string, start: Buffer): void {
  if (start[0] === 0x1f && start[1] === 0x8b) return
  const name = printable(archive)
  if (start.subarray(0, 8).toString('latin1') === '!<arch>\n')
    throw new ArgumentError(`${name} is a Debian package; next: as root, apt-get install ${name}`)
  throw new ArgumentError(
    `${name} is no archive of nixsig (nixsig-VERSION-linux-ARCH.tar.gz); next: ${GET_ANEW}`,
  )
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
      `${name} needs ${LIST} and ${SIGNATURE} beside it, which say who made it; next: put them there; --unsigned takes it unchecked`,
    )
  }
  const results = await verifyDetached({
    file: copy,
    signature: readNamedFile(signature ?? '', SIGNED_LIST_LIMIT).bytes,
    checksums: readNamedFile(list ?? '', LIST_LIMIT).bytes,
    keys,
    fileNames: [basename(archive)],
  })
  const found = detachedSummary(results)
  if (detachedStatus(results) === 0) return found
  const listed = listedName(readNamedFile(list ?? '', LIST_LIMIT).bytes, copy)
  const isRenamed = listed !== undefined && listed !== basename(archive)
  const step = isRenamed
    ? `${LIST} calls this file ${printable(listed, 100)}: give it that name again`
    : GET_ANEW
  throw new FileError(`${name} is not what its makers signed: ${found}; nothing was installed; next: ${step}`)
}

/** The name that a list of checksums has for a file; undefined if it has none. */
function listedName(list: Buffer, file: string): string | undefined {
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
  const line = list
    .toString('latin1')
    .split('\n')
    .find(each => each.startsWith(`${digest} `))
  return line?.slice(digest.length).replace(/^ [ *]/, '')
}
