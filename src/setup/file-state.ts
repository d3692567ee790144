import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/** The state of a file: as it is, or as it will be. */
export interface FileState {
  readonly bytes: Buffer
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** The most bytes of a file that setup changes. */
const SIZE_LIMIT = 1024 * 1024

/** A world-readable file that belongs to the user who runs this: root. */
export function publicFile(text: string): FileState {
  const uid = process.geteuid?.() ?? 0
  const gid = uid === 0 ? 0 : (process.getegid?.() ?? 0)
  return { bytes: Buffer.from(text, 'latin1'), mode: 0o644, uid, gid }
}

/** A file that only its owner, who runs this, may read: root. Its directory may be listed. */
export function secretFile(text: string): FileState {
  return { ...publicFile(text), mode: 0o600 }
}

/** The text as Latin-1, so that all bytes of a file are preserved. */
export function textOf(state: FileState | undefined): string {
  return state?.bytes.toString('latin1') ?? ''
}

/** Whether two states of a file are the same in everything that setup restores. */
export function isSameState(a: FileState | undefined, b: FileState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.bytes.equals(b.bytes) && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
}

/**
 * The state of a file; undefined if it is absent. Throws FileError if it is not a regular file, is
 * larger than 1 MiB, or could have been written or replaced by anyone but root or the running user.
 */
export function readState(file: string): FileState | undefined {
  assertProtectedPlace(file)
  let found: Stats | undefined
  const bytes = readRegularFile(file, SIZE_LIMIT, status => {
    found = status
  })
  if (bytes === undefined || found === undefined) return undefined
  const { uid, gid } = found
  const mode = found.mode & 0o7777
  const name = printable(file)
  if (uid !== 0 && uid !== process.geteuid?.())
    throw new FileError(`${name} belongs to user ${uid} (chown root ${name})`)
  if ((mode & 0o022) !== 0) throw new FileError(`${name} is writable by others (chmod go-w ${name})`)
  return { bytes, mode, uid, gid }
}

/**
 * Throws FileError if other users could put a file there, in the directories that exist already.
 */
function assertProtectedPlace(file: string): void {
  let directory = dirname(file)
  while (lstatSync(directory, { throwIfNoEntry: false }) === undefined) directory = dirname(directory)
  assertOwnedDirectory(protectedPath(directory))
}

/**
 * Gives a file this state, or removes it; a crash at any point leaves the old state or the new one.
 * Writes a partial file beside it, under a name that the next run reuses, flushes and renames it.
 * Makes missing directories (0755). Throws the system's errors.
 */
export function placeState(file: string, state: FileState | undefined): void {
  rmSync(partialOf(file), { force: true })
  if (state === undefined) {
    rmSync(file, { force: true })
  } else {
    makeDirectory(dirname(file))
    writePartial(partialOf(file), state)
    renameSync(partialOf(file), file)
  }
  syncDirectory(dirname(file))
}

/**
 * Makes a directory and its missing parents with mode 0755, whatever the umask is: plain users read
 * nix.conf.
 */
export function makeDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true })
  if (first === undefined) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755)
}

function writePartial(partial: string, { bytes, mode, uid, gid }: FileState): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const fd = openSync(partial, flags, 0o600)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    fchownSync(fd, uid, gid)
    fchmodSync(fd, mode)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The partial file that a killed run may leave beside a file. */
export function partialOf(file: string): string {
  return `${file}.nixsig~`
}
