/** Signatures over what is in a compressed file, as kernel.org makes them of tars. Heavy: reached by `import()` alone. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Compression,
  compressionOf,
  DecompressionError,
  decompress,
  MAGIC_SIZE,
} from '../../files/decompress.ts'
import type { DetachedKind, DetachedResult, SignatureUse } from './kind.ts'
import { type OpenedFile, withOpenedFile } from './opened-file.ts'

/** What was asked of a compressed file and is asked of its contents now. */
interface Question {
  readonly kind: DetachedKind
  readonly signature: Uint8Array
  readonly use: SignatureUse
}

/** Results that say that the signature is by the key they are of, and over something else than the file. */
function isElsewhere({ outcome }: DetachedResult): boolean {
  return outcome === 'bad-signature'
}

/**
 * The same results where none of them is changed by looking into the file; else with those of its uncompressed contents in
 * place of the ones that were over something else. Writes the contents to a private directory under /tmp, for as long as
 * it takes.
 */
export async function lookInside(
  file: OpenedFile,
  question: Question,
  results: readonly DetachedResult[],
): Promise<readonly DetachedResult[]> {
  const compression = results.some(isElsewhere) ? compressionOf(headOf(file)) : undefined
  if (compression === undefined) return results
  const directory = mkdtempSync('/tmp/nixsig-uncompressed-')
  try {
    const contents = join(directory, 'contents')
    await decompressTo(contents, file, compression)
    return await withOpenedFile(contents, inside => judgeInside(inside, question, results))
  } catch (error) {
    if (!(error instanceof DecompressionError)) throw error
    return results.map(result => (isElsewhere(result) ? unseen(result, error) : result))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function judgeInside(
  inside: OpenedFile,
  { kind, signature, use }: Question,
  results: readonly DetachedResult[],
): Promise<readonly DetachedResult[]> {
  const looked: DetachedResult[] = []
  for (const result of results) {
    if (!isElsewhere(result)) {
      looked.push(result)
      continue
    }
    const found = await kind.verify(inside, signature, result.key, use)
    const isOverContents = found.outcome === 'good' || found.outcome === 'expired-since'
    looked.push(
      isOverContents ? { ...found, detail: `${found.detail}, over the uncompressed contents` } : result,
    )
  }
  return looked
}

/** Without a tool nothing is known; contents that nobody may unpack make nothing better. */
function unseen(result: DetachedResult, { message, tool }: DecompressionError): DetachedResult {
  const detail = `${result.detail}; not over the file, and its contents could not be looked at: ${message}`
  return { ...result, outcome: tool ? 'unreadable' : 'bad-signature', detail }
}

async function decompressTo(path: string, file: OpenedFile, compression: Compression): Promise<void> {
  const output = openSync(path, 'wx', 0o600)
  try {
    await decompress(file, compression, output)
  } finally {
    closeSync(output)
  }
}

function headOf({ fd }: OpenedFile): Uint8Array {
  const head = new Uint8Array(MAGIC_SIZE)
  return head.subarray(0, readSync(fd, head, 0, MAGIC_SIZE, 0))
}
