/**
 * Directories of attestations. All envelopes about one store path are in one file, which is opened
 * by its name without listing directories: `<dir>/<xx>/<digest>.intoto.jsonl`, one DSSE envelope
 * per line, where `digest` is the 32-character hash part of the store path and `xx` its first two
 * characters.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { ENVELOPE_LIMIT } from '../formats/in-toto/dsse.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { attestationFile } from './attestation-file.ts'

const FILE_LIMIT = 16 * 1024 * 1024
/** The most lines that one file may have. */
export const LINE_COUNT_LIMIT = 4096

const NEWLINE = 10
/** After how many milliseconds a file that does not end in a newline is read again. */
const RETRIES_AFTER = [5, 10, 20, 40, 80, 160]
/** Milliseconds after the last change of such a file in which somebody may still write to it. */
const WRITTEN_WITHIN = 10_000

/**
 * A directory of nixsig's own for evidence, on systems on which nothing under /etc lasts. Absent, it
 * is empty: nobody has put anything there yet, or the whole state of the machine was lost.
 */
export const OWN_EVIDENCE = '/var/lib/nixsig/evidence'

/**
 * Makes sure that a configured directory exists and that not every user can remove evidence from
 * it. Throws FileError if it is absent, unreadable, not a directory, or world-writable (sticky or
 * not).
 */
export function assertAttestationDirectory(dir: string): void {
  if (!isGuardedDirectory(dir) && dir !== OWN_EVIDENCE)
    throw new FileError(`${printable(dir)} does not exist`)
}

/** Whether attestations in a directory are read: it is there, and not every user can write to it. */
export function isReadDirectory(dir: string): boolean {
  try {
    return isGuardedDirectory(dir)
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/**
 * The lines of a file of attestations, without their newlines; undefined if the file is absent.
 * Throws FileError if it cannot be read, or if it or its directory is world-writable. Throws
 * FormatError if it is not UTF-8, has too many, too long or empty lines, or ends in the middle of a
 * line.
 */
export function readAttestationLines(file: string): readonly string[] | undefined {
  if (!isGuardedDirectory(dirname(file))) return undefined
  const bytes = readSettled(file)
  if (bytes === undefined) return undefined
  const lines = decodeUtf8(bytes, 'attestations').split('\n')
  if (lines.pop() !== '') throw malformed('the last line breaks off', lines.length + 1)
  if (lines.length > LINE_COUNT_LIMIT) {
    throw malformed(`more than ${LINE_COUNT_LIMIT} lines`, LINE_COUNT_LIMIT + 1)
  }
  for (const [index, line] of lines.entries()) {
    if (line === '') throw malformed('empty line', index + 1)
    if (line.length > ENVELOPE_LIMIT) {
      throw malformed(`longer than ${ENVELOPE_LIMIT} characters`, index + 1)
    }
  }
  return lines
}

/**
 * Adds an envelope to the attestations about a store path and returns whether it was new; it is on
 * disk by then. Throws as appendAttestations does, and FormatError if the file is full.
 */
export function appendAttestation(dir: string, storePath: string, line: string): boolean {
  const { added, left } = appendAttestations(dir, storePath, [line])
  if (left.length === 0) return added.length > 0
  throw malformed(`more than ${LINE_COUNT_LIMIT} lines`, LINE_COUNT_LIMIT + 1)
}

/**
 * Adds envelopes to the attestations about a store path; they are on disk when this returns.
 * Returns which were new, and which were left out because the file is full. Writers need no lock:
 * each appends its lines in a single write, so no line is lost or torn. If two writers append the
 * same line at the same time, the file may have it twice; readers drop duplicates. Makes missing
 * directories (0755). Throws FormatError if an item is not a single line or the file is malformed,
 * and FileError if the file cannot be written.
 */
export function appendAttestations(
  dir: string,
  storePath: string,
  lines: readonly string[],
): { readonly added: readonly string[]; readonly left: readonly string[] } {
  return appendLines(attestationFile(dir, storePath), lines)
}

/** Adds envelopes to a file of attestations, as `appendAttestations` does. */
export function appendLines(
  file: string,
  lines: readonly string[],
): { readonly added: readonly string[]; readonly left: readonly string[] } {
  for (const line of lines) {
    if (line !== '' && line.length <= ENVELOPE_LIMIT && !/[\r\n]/.test(line)) continue
    throw new FormatError('attestations', 'not the line of an envelope', `length ${line.length}`)
  }
  const kept = readAttestationLines(file) ?? []
  const present = new Set(kept)
  const fresh = [...new Set(lines)].filter(line => !present.has(line))
  const added = fresh.slice(0, Math.max(0, LINE_COUNT_LIMIT - kept.length))
  const left = fresh.slice(added.length)
  if (added.length === 0) return { added, left }
  try {
    if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    append(file, Buffer.from(added.map(line => `${line}\n`).join(''), 'utf8'))
  } catch (error) {
    throw new FileError(`cannot add to ${printable(file)}: ${printable((error as Error).message)}`)
  }
  return { added, left }
}

/**
 * Reads the file, again if need be: a line that another process is writing may be visible in part
 * for a moment. Everybody waits meanwhile, so for one that broke off long ago nobody does.
 */
function readSettled(file: string): Buffer | undefined {
  let changed = 0
  const inspect = (status: Stats) => {
    changed = status.mtimeMs
    assertNotWorldWritable(printable(file), status)
  }
  let bytes = readRegularFile(file, FILE_LIMIT, inspect)
  for (const wait of RETRIES_AFTER) {
    if (!bytes?.length || bytes.at(-1) === NEWLINE) break
    if (Math.abs(Date.now() - changed) > WRITTEN_WITHIN) break
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait)
    bytes = readRegularFile(file, FILE_LIMIT, inspect)
  }
  return bytes
}

function append(file: string, bytes: Buffer): void {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  const fd = openSync(file, flags, 0o644)
  try {
    const before = fstatSync(fd).size
    if (before + bytes.length > FILE_LIMIT) throw new Error(`larger than ${FILE_LIMIT} bytes`)
    const written = writeSync(fd, bytes)
    if (written < bytes.length) {
      // The disk is full. If nobody appended after us, remove the partial line: it would make the
      // path refused.
      if (fstatSync(fd).size === before + written) ftruncateSync(fd, before)
      throw new Error('no space left')
    }
    fsyncSync(fd)
    if (before === 0) syncDirectory(dirname(file))
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether a directory exists. Throws FileError if it is not a directory, cannot be inspected, or is
 * world-writable.
 */
function isGuardedDirectory(dir: string): boolean {
  const name = printable(dir)
  let status: Stats | undefined
  try {
    status = statSync(dir, { throwIfNoEntry: false })
  } catch (error) {
    throw new FileError(`cannot look into ${name}: ${printable((error as Error).message)}`)
  }
  if (status === undefined) return false
  if (!status.isDirectory()) throw new FileError(`${name} is not a directory`)
  assertNotWorldWritable(name, status)
  return true
}

function assertNotWorldWritable(name: string, status: Stats): void {
  if ((status.mode & 0o002) === 0) return
  const isShared = (status.mode & 0o1000) !== 0
  const remedy = isShared ? 'name a directory of your own' : `chmod o-w ${name}`
  throw new FileError(`${name} is writable by everybody (${remedy})`)
}

function malformed(what: string, line: number): FormatError {
  return new FormatError('attestations', what, `line ${line}`)
}
