/** Signatures over checksum lists: what a good one proves about a file in the list. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { type Checksum, type ChecksumAlgorithm, parseChecksumList } from '../../formats/checksum-list.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import type { DetachedResult } from './kind.ts'
import { digestOf, type OpenedFile, withOpenedFile } from './opened-file.ts'

/** How many other file names a message lists. */
const NAMES_TOLD = 3

/**
 * Converts results for a checksum list into results for a file. Only good results change: to
 * `bad-signature` if the list has another checksum for the file, to `unacceptable` if it has only
 * weak ones, and to `other-file` if it does not list the file. `fileNames`: the names that the file
 * may have in the list. Throws FormatError if the list is malformed, because then its meaning would
 * be a guess.
 */
export async function throughList(
  file: OpenedFile,
  list: Uint8Array,
  fileNames: readonly string[],
  results: readonly DetachedResult[],
): Promise<readonly DetachedResult[]> {
  const checksums = parseChecksumList(list)
  if (!results.some(isSigned)) return results
  const objection = await findObjection(file, checksums, fileNames)
  return results.map(result => {
    if (!isSigned(result)) return result
    if (objection === undefined) return { ...result, detail: `${result.detail}, over a list of checksums` }
    const { key } = result
    return { key, ...objection }
  })
}

function isSigned({ outcome }: DetachedResult): boolean {
  return outcome === 'good' || outcome === 'expired-since'
}

async function findObjection(
  file: OpenedFile,
  checksums: readonly Checksum[],
  fileNames: readonly string[],
): Promise<Pick<DetachedResult, 'outcome' | 'detail'> | undefined> {
  const isOfFile = comparison(file)
  const wanted = fileNames.map(name => printable(name, 100)).join(' or ')
  const named = checksums.filter(({ name }) => fileNames.includes(name))
  const strong = named.filter(({ algorithm }) => algorithm !== 'other')
  for (const checksum of strong) {
    if (await isOfFile(checksum)) continue
    const { algorithm, perhaps = [], name } = checksum
    const tried = perhaps.length === 0 ? '' : `, which is not its ${perhaps.join(' or ')} either`
    return {
      outcome: 'bad-signature',
      detail: `the signed list has another ${algorithm} for ${printable(name, 100)}${tried}`,
    }
  }
  if (strong.length > 0) return undefined
  if (named.length > 0) {
    const detail = `the signed list has no checksum of ${wanted} by SHA-2, SHA-3 or BLAKE2b of 256 bits or more`
    return { outcome: 'unacceptable', detail }
  }
  const others: string[] = []
  for (const checksum of checksums) if (await isOfFile(checksum)) others.push(checksum.name)
  const names = [...new Set(others)].slice(0, NAMES_TOLD).map(name => printable(name, 100))
  const called = names.length === 0 ? '' : `, but has its checksum for ${names.join(', ')}`
  return { outcome: 'other-file', detail: `the signed list does not name ${wanted}${called}` }
}

/**
 * Returns a function that tells whether a checksum is the file's, by its stated algorithm or by any
 * algorithm that it may be of. The file is hashed once per algorithm.
 */
function comparison(file: OpenedFile): (checksum: Checksum) => Promise<boolean> {
  const hashes = new Map<ChecksumAlgorithm, string>()
  return async ({ algorithm, perhaps = [], hash }) => {
    if (algorithm === 'other') return false
    for (const candidate of [algorithm, ...perhaps]) {
      if (!hashes.has(candidate)) hashes.set(candidate, toHex(await digestOf(file, candidate)))
      if (hashes.get(candidate) === hash) return true
    }
    return false
  }
}

/**
 * Calls `use` with a file that contains these bytes, in a private directory under /tmp that is
 * removed afterwards. Throws FileError if there is no space left.
 */
export async function withBytesAsFile<T>(
  bytes: Uint8Array,
  use: (file: OpenedFile) => Promise<T>,
): Promise<T> {
  const directory = orFileError(() => makeScratch('list', '/tmp'))
  try {
    const path = join(directory, 'list')
    orFileError(() => writeFileSync(path, bytes))
    return await withOpenedFile(path, use)
  } finally {
    removeScratch(directory)
  }
}

function orFileError<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw new FileError(printable((error as Error).message))
  }
}
