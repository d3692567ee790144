/**
 * Decompresses files with the system's own tools, within limits. Refuses everything but the
 * compressed data of the contents, because one reader would skip it and another unpack it. Heavy:
 * load it by `import()` only.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import type { Compression } from './compressed/compression.ts'
import { fileReader } from './compressed/reader.ts'
import { walkCompressed } from './compressed/walk.ts'
import { deadlineSignal } from './deadline.ts'
import { findProgram, PROGRAM_DIRECTORIES } from './programs.ts'

/** Limits on the bytes that come out: in all, and per byte that goes in. */
const SIZE_LIMIT = 8 * 1024 * 1024 * 1024
const RATIO_LIMIT = 1200
/** Bytes that may always come out, however small the file is. */
const SMALL = 16 * 1024 * 1024
const TIME_LIMIT = 600_000
const COMPLAINT_LIMIT = 4096

/** How a file was compressed, by its first bytes; undefined if they match no supported format. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const hex = Buffer.from(head.subarray(0, 6)).toString('hex')
  const [found] = MAGIC.find(([, magic]) => hex.startsWith(magic)) ?? []
  return found
}

/** How many bytes compressionOf needs. */
export const MAGIC_SIZE = 6

const MAGIC: readonly (readonly [Compression, string])[] = [
  ['xz', 'fd377a585a00'],
  ['gzip', '1f8b08'],
  ['bzip2', '425a68'],
  ['zstd', '28b52ffd'],
  ['lzip', '4c5a4950'],
]

const ARGUMENTS: Readonly<Record<Compression, readonly string[]>> = {
  xz: ['--decompress', '--stdout', '--format=xz', '--memlimit-decompress=1GiB'],
  gzip: ['--decompress', '--stdout'],
  bzip2: ['--decompress', '--stdout'],
  zstd: ['--decompress', '--stdout', '--quiet', '--memory=1024MB'],
  lzip: ['--decompress', '--stdout', '--trailing-error'],
}

/**
 * A file was not decompressed. `isOurs`: because of this machine, not of the file, so nothing is
 * known about its contents.
 */
export class DecompressionError extends Error {
  override readonly name = 'DecompressionError'
  readonly isOurs: boolean

  constructor(message: string, { isOurs }: { readonly isOurs: boolean }) {
    super(message)
    this.isOurs = isOurs
  }
}

/**
 * Decompresses an opened file (from its beginning, wherever its position is) into another that is
 * open for writing. Throws DecompressionError if the tool is missing, the disk is full, the data is
 * corrupt or too large, the file holds anything else, or it takes longer than ten minutes.
 */
export async function decompress(
  input: { readonly fd: number; readonly size: number },
  compression: Compression,
  output: number,
): Promise<void> {
  const program = findProgram(compression)
  const limit = Math.min(SIZE_LIMIT, Math.max(SMALL, input.size * RATIO_LIMIT))
  if (program === undefined) {
    throw new DecompressionError(`there is no program ${compression} on this system`, { isOurs: true })
  }
  await assertPlain(input, compression, limit)
  const child = start(program, ARGUMENTS[compression], input.fd)
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT)
  const ended = endOf(child)
  try {
    await writeWithin(child.stdout, output, limit)
    const { status, complaint } = await ended
    // bzip2 exits with 0 when it ignores trailing data, and only prints a warning.
    if (status === 0 && complaint === '') return
    const reason = complaint || (status === null ? 'it was ended by a signal' : `exit status ${status}`)
    throw new DecompressionError(`${compression}: ${printable(reason, 200)}`, { isOurs: status === null })
  } catch (error) {
    if (error instanceof DecompressionError || !(error instanceof Error && 'syscall' in error)) throw error
    throw new DecompressionError(printable(error.message), { isOurs: true })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

async function assertPlain(
  input: { readonly fd: number; readonly size: number },
  compression: Compression,
  limit: number,
): Promise<void> {
  try {
    await walkCompressed(compression, fileReader(input), limit)
  } catch (error) {
    if (error instanceof FormatError) throw new DecompressionError(error.message, { isOurs: false })
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new DecompressionError(printable(error.message), { isOurs: true })
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

function start(program: string, args: readonly string[], input: number): Child {
  // A separate open file, so that the position of the caller's does not move.
  const source = openSync(`/proc/self/fd/${input}`, 'r')
  try {
    const env = { PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C' }
    const options = { env, signal: deadlineSignal(), killSignal: 'SIGKILL' } as const
    return spawn(program, args, { ...options, stdio: [source, 'pipe', 'pipe'] }) as Child
  } finally {
    closeSync(source)
  }
}

/**
 * How a program ends and what it prints to standard error. `status` is null if a signal or an error
 * ended it.
 */
function endOf(child: Child): Promise<{ readonly status: number | null; readonly complaint: string }> {
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_LIMIT)
  })
  return new Promise(resolve => {
    child.once('error', error => resolve({ status: null, complaint: error.message }))
    child.once('close', status => resolve({ status, complaint: complaint.trim() }))
  })
}

async function writeWithin(pieces: AsyncIterable<Uint8Array>, output: number, limit: number): Promise<void> {
  let size = 0
  for await (const piece of pieces) {
    size += piece.byteLength
    if (size > limit) throw new DecompressionError(`more than ${limit} bytes come out`, { isOurs: false })
    for (let done = 0; done < piece.byteLength; ) done += writeSync(output, piece, done)
  }
}
