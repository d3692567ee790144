/** The files of one version of nixsig: their hash, and a copy of them. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { INSTALLED_LIMIT } from '../setup/installation.ts'

const FILE_LIMIT = 64 * 1024 * 1024

interface Entry {
  /** Relative, with slashes. */
  readonly name: string
  readonly kind: 'file' | 'program' | 'directory'
}

/** In the order of their bytes; directories before what is in them. Throws FileError for links. */
function entriesOf(directory: string): readonly Entry[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  if (names.length > INSTALLED_LIMIT)
    throw new FileError(
      `${printable(directory)} has more than ${INSTALLED_LIMIT} files: it is not nixsig alone`,
    )
  return names
    .map(name => ({ name, kind: kindOf(join(directory, name)) }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function kindOf(file: string): Entry['kind'] {
  const status = lstatSync(file)
  if (status.isDirectory()) return 'directory'
  if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
  if (status.size > FILE_LIMIT) throw new FileError(`${printable(file)} is larger than ${FILE_LIMIT} bytes`)
  return (status.mode & 0o111) === 0 ? 'file' : 'program'
}

/**
 * 12 hex digits of a hash over the names, kinds and contents of all files. Throws FileError if
 * there is anything but files and directories, or more than a version of nixsig has.
 */
export function treeDigest(directory: string): string {
  const hash = createHash('sha256')
  for (const { name, kind } of entriesOf(directory)) {
    if (kind === 'directory') continue
    const contents = createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex')
    hash.update(`${kind} ${contents} ${name}\0`)
  }
  return hash.digest('hex').slice(0, 12)
}

/**
 * Copies the files to a directory that is not there yet, as the files of whoever runs this, with
 * the modes that programs and files have, and has all of it on the disk when it returns.
 */
export function copyTree(from: string, to: string): void {
  const entries = entriesOf(from)
  mkdirSync(to, { mode: 0o755 })
  for (const { name, kind } of entries) {
    const file = join(to, name)
    if (kind === 'directory') mkdirSync(file, { mode: 0o755 })
    else writeWhole(file, readFileSync(join(from, name)), kind === 'program' ? 0o755 : 0o644)
  }
  for (const { name, kind } of entries) if (kind === 'directory') settle(join(to, name))
  settle(to)
}

/** A directory with its mode, whatever the umask is, on the disk. */
function settle(directory: string): void {
  chmodSync(directory, 0o755)
  syncDirectory(directory)
}

function writeWhole(file: string, contents: Buffer, mode: number): void {
  writeFileSync(file, contents, { flag: 'wx', mode: 0o600 })
  chmodSync(file, mode)
  const fd = openSync(file, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
