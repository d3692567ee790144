/**
 * Proofs of Sigsum (sigsum-go, doc/sigsum-proof.md, version 2), as `sigsum-submit` writes them. The
 * log holds no data but a leaf: the checksum of what was submitted, with a signature by the
 * submitter, who is found by the key alone. Nothing here is verified.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { fromHex, toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { type Checkpoint, parseLogNumber } from './checkpoint.ts'
import type { Cosignature } from './cosignature.ts'
import { PROOF_LIMIT } from './merkle.ts'
import { TLOG_PROOF_LIMIT } from './tlog-proof.ts'

/** A proof as it was read. Keys are named by the SHA-256 of their 32 bytes, in hex. */
export interface SigsumProof {
  readonly logKey: string
  readonly submitterKey: string
  /** 64 bytes, over leafMessage(). */
  readonly leafSignature: Uint8Array
  /** The tree as a checkpoint, which the log and the witnesses signed as such. */
  readonly checkpoint: Checkpoint
  /** 64 bytes, over the text of the checkpoint. */
  readonly treeSignature: Uint8Array
  /** Each with the key that names it. No key is there twice. */
  readonly cosignatures: ReadonlyMap<string, Cosignature>
  readonly index: number
  readonly hashes: readonly Uint8Array[]
}

const COSIGNATURE_LIMIT = 100

/** Whether a text begins as such a proof does. */
export function looksLikeSigsumProof(text: string): boolean {
  return text.startsWith('version=')
}

/** Parses a proof of version 2. Throws FormatError. */
export function parseSigsumProof(text: string): SigsumProof {
  if (text.length > TLOG_PROOF_LIMIT) throw malformed(`longer than ${TLOG_PROOF_LIMIT} characters`, 1)
  if (!text.endsWith('\n')) throw malformed('the last line breaks off', text.split('\n').length)
  const lines = readerOf(text.slice(0, -1).split('\n'))
  if (lines.value('version') !== '2') throw malformed('not of version 2', 1)
  const logKey = hexOf(lines.value('log'), 32, lines)
  const [submitter = '', leaf = ''] = lines.values('leaf', 2)
  const submitterKey = hexOf(submitter, 32, lines)
  const leafSignature = hexOf(leaf, 64, lines)
  lines.blank()
  const size = parseLogNumber(lines.value('size'), lines.where())
  const root = hexOf(lines.value('root_hash'), 32, lines)
  const treeSignature = hexOf(lines.value('signature'), 64, lines)
  const cosignatures = readCosignatures(lines)
  if (size === 0) throw malformed('a tree without leaves', lines.number)
  const { index, hashes } = size === 1 ? { index: 0, hashes: [] } : readInclusion(lines)
  if (lines.left() > 0) throw malformed('more lines than a proof has', lines.number + 1)
  const origin = sigsumOrigin(toHex(logKey))
  const checkpoint = { origin, size, root, extensions: [] }
  const keys = { logKey: toHex(logKey), submitterKey: toHex(submitterKey) }
  return { ...keys, leafSignature, checkpoint, treeSignature, cosignatures, index, hashes }
}

/** The origin of the checkpoints of a log, whose key has this SHA-256 in hex. */
export function sigsumOrigin(logKey: string): string {
  return `sigsum.org/v1/tree/${logKey}`
}

/** How keys are named: the SHA-256 of the 32 bytes, in hex. */
export function sigsumKeyHash(publicKey: Uint8Array): string {
  return toHex(sha256(publicKey))
}

/** What is logged of a file: the SHA-256 of its SHA-256. */
export function sigsumChecksum(file: Uint8Array): Uint8Array {
  return sha256(sha256(file))
}

/** What a submitter signs. */
export function leafMessage(checksum: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('sigsum.org/v1/tree-leaf\0'), checksum])
}

/** The entry of the log: checksum, signature, and the SHA-256 of the submitter's key. */
export function sigsumLeaf(checksum: Uint8Array, { leafSignature, submitterKey }: SigsumProof): Uint8Array {
  return Buffer.concat([checksum, leafSignature, fromHex(submitterKey)])
}

/** A key of 32 bytes as Sigsum's own policies write it. */
export function parseSigsumKey(text: string): Uint8Array | undefined {
  return /^[0-9A-Fa-f]{64}$/.test(text) ? fromHex(text.toLowerCase()) : undefined
}

function readCosignatures(lines: Lines): ReadonlyMap<string, Cosignature> {
  const cosignatures = new Map<string, Cosignature>()
  while (lines.next()?.startsWith('cosignature=') === true) {
    const [key = '', time = '', signature = ''] = lines.values('cosignature', 3)
    const name = toHex(hexOf(key, 32, lines))
    if (cosignatures.has(name)) throw malformed('two cosignatures by one key', lines.number)
    if (cosignatures.size >= COSIGNATURE_LIMIT) {
      throw malformed(`more than ${COSIGNATURE_LIMIT} cosignatures`, lines.number)
    }
    cosignatures.set(name, {
      time: parseLogNumber(time, lines.where()),
      signature: hexOf(signature, 64, lines),
    })
  }
  return cosignatures
}

function readInclusion(lines: Lines): Pick<SigsumProof, 'index' | 'hashes'> {
  lines.blank()
  const index = parseLogNumber(lines.value('leaf_index'), lines.where())
  if (lines.left() > PROOF_LIMIT) throw malformed(`more than ${PROOF_LIMIT} hashes`, lines.number)
  const hashes: Uint8Array[] = []
  while (lines.left() > 0) hashes.push(hexOf(lines.value('node_hash'), 32, lines))
  return { index, hashes }
}

type Lines = ReturnType<typeof readerOf>

/** Takes one line after the other; `number` is that of the last one taken, from 1. */
function readerOf(all: readonly string[]) {
  return {
    number: 0,
    next(): string | undefined {
      return all[this.number]
    },
    left(): number {
      return all.length - this.number
    },
    where(): string {
      return `line ${this.number}`
    },
    /** The value of a line `NAME=VALUE`. */
    value(name: string): string {
      const line = all[this.number++]
      if (line?.startsWith(`${name}=`) !== true) throw malformed(`not ${name}=…`, this.number)
      return line.slice(name.length + 1)
    },
    /** The words of a value, with one space between them. */
    values(name: string, count: number): readonly string[] {
      const words = this.value(name).split(' ')
      if (words.length !== count) throw malformed(`not ${count} words`, this.number)
      return words
    },
    blank(): void {
      if (all[this.number++] !== '') throw malformed('not a blank line', this.number)
    },
  }
}

/** Sigsum's tools read either case, and write lower case. */
function hexOf(text: string, size: number, lines: Lines): Uint8Array {
  if (text.length === 2 * size && /^[0-9A-Fa-f]*$/.test(text)) return fromHex(text.toLowerCase())
  throw malformed(`not ${size} bytes in hex`, lines.number)
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('Sigsum proof', problem, `line ${line}`)
}
