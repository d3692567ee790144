/**
 * Signatures over the contents of a compressed file, as kernel.org makes them over tar archives.
 * Heavy: load it by `import()` only.
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Compression } from '../../files/compressed/compression.ts'
import { contradicts } from '../../files/compressed/extension.ts'
import { compressionOf, DecompressionError, decompress, MAGIC_SIZE } from '../../files/decompress.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { printable } from '../../primitives/printable.ts'
import type { DetachedResult } from './kind.ts'
import { headOf, type OpenedFile, withOpenedFile } from './opened-file.ts'
import { type KnownSignature, verifyFile } from './verify-file.ts'

/** The question that was asked about a compressed file, to be asked about its contents. */
interface Question extends KnownSignature {
  /** The names that the file may have. */
  readonly names: readonly string[]
}

/** Whether a result says that its key made the signature, but over something else than the file. */
function isElsewhere({ outcome }: DetachedResult): boolean {
  return outcome === 'bad-signature'
}

/**
 * Where a signature is over something else than the file, tries it on the uncompressed contents,
 * and takes that result unless it is over something else again. If the contents cannot be read, the
 * detail says so. Writes the contents to an unnamed file under /tmp.
 */
export async function lookInside(
  file: OpenedFile,
  question: Question,
  results: readonly DetachedResult[],
): Promise<readonly DetachedResult[]> {
  const compression = results.some(isElsewhere) ? compressionOf(headOf(file, MAGIC_SIZE)) : undefined
  if (compression === undefined) return results
  const name = question.names.find(candidate => contradicts(candidate, compression))
  if (name !== undefined) {
    const reason = `it was compressed by ${compression}, and ${printable(name, 100)} is the name of something else`
    const error = new DecompressionError(reason, { isOurs: false })
    return results.map(result => (isElsewhere(result) ? unseen(result, error) : result))
  }
  try {
    return await withContents(file, compression, inside => judgeInside(inside, question, results))
  } catch (error) {
    if (!(error instanceof DecompressionError)) throw error
    return results.map(result => (isElsewhere(result) ? unseen(result, error) : result))
  }
}

async function judgeInside(
  inside: OpenedFile,
  known: KnownSignature,
  results: readonly DetachedResult[],
): Promise<readonly DetachedResult[]> {
  const verifyAgain = async (file: OpenedFile, result: DetachedResult) => {
    const all = await verifyFile(known, file, result.key)
    return all.find(({ index }) => index === result.index) ?? result
  }
  const looked: DetachedResult[] = []
  for (const result of results) {
    const found = isElsewhere(result) ? await verifyAgain(inside, result) : result
    // Over neither of the two: the result for the file itself is clearer.
    const isChanged = found !== result && !isElsewhere(found)
    looked.push(isChanged ? { ...found, detail: `${found.detail}, over the uncompressed contents` } : result)
  }
  return looked
}

/**
 * Without a tool, the result is unknown. Contents that cannot be unpacked do not improve the
 * result.
 */
function unseen(result: DetachedResult, { message, isOurs }: DecompressionError): DetachedResult {
  const detail = `${result.detail}; not over the file, and its contents could not be looked at: ${message}`
  return { ...result, outcome: isOurs ? 'unreadable' : 'bad-signature', detail }
}

/**
 * The file with the contents has no name, so it disappears with this process, however that ends.
 */
async function withContents<T>(
  file: OpenedFile,
  compression: Compression,
  use: (inside: OpenedFile) => Promise<T>,
): Promise<T> {
  const output = openNameless()
  try {
    await decompress(file, compression, output)
    return await withOpenedFile(`/proc/self/fd/${output}`, use)
  } finally {
    closeSync(output)
  }
}

function openNameless(): number {
  let directory: string | undefined
  try {
    directory = makeScratch('uncompressed', '/tmp')
    return openSync(join(directory, 'contents'), 'wx', 0o600)
  } catch (error) {
    throw new DecompressionError(printable((error as Error).message), { isOurs: true })
  } finally {
    if (directory !== undefined) removeScratch(directory)
  }
}
