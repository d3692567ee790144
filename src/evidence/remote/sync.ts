import { readdirSync } from 'node:fs'
import { isPartName } from '../../formats/publication.ts'
import type { Patience } from '../../http/patience.ts'
import { isPartComplete, type Mirror, type MirroredIndex, readIndex, readPart } from './mirror.ts'
import { sourceProblem } from './sources.ts'
import { updateFiles, updateIndex } from './update.ts'
import type { Changes } from './update-files.ts'

/**
 * MIRROR_LIMIT: bytes that a mirror may have, approximately. FAILURE_LIMIT: problems after which
 * the remaining parts are not tried.
 */
const MIRROR_LIMIT = 4 * 1024 * 1024 * 1024
const FAILURE_LIMIT = 8

/** The result of updating a mirror. */
export interface Synced extends Changes {
  /**
   * When the publication last changed, in seconds since 1970; undefined if it has never been seen.
   */
  readonly published?: number
  /** What went wrong, as messages; empty if the mirror has all that the source has. */
  readonly problems: readonly string[]
}

/**
 * Updates all files of a mirror from its source. Asks for the index even if the last answer is
 * recent. A part that fails does not keep the others from being fetched. `progress` gets the number
 * of parts that are done and of all parts.
 */
export async function syncMirror(
  mirror: Mirror,
  patience: Patience,
  progress: (done: number, of: number) => void,
): Promise<Synced> {
  const counts = { added: 0, changed: 0, removed: 0, unchanged: 0 }
  const problems: string[] = []
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      problems.push(sourceProblem(mirror, error))
    }
  }
  await attempt(() => updateIndex(mirror, Number.POSITIVE_INFINITY, patience))
  const index = problems.length === 0 ? readIndex(mirror) : undefined
  if (index === undefined) return { ...counts, problems }

  const parts = partsOf(mirror, index)
  let bytes = 0
  for (const [done, part] of parts.entries()) {
    progress(done, parts.length)
    await attempt(async () => {
      const changes = await syncPart(mirror, { index, part }, patience)
      for (const [kind, count] of Object.entries(changes)) counts[kind as keyof Changes] += count
      bytes += sizeOf(mirror, index, part)
    })
    if (bytes > MIRROR_LIMIT) problems.push(`it holds more than ${MIRROR_LIMIT} bytes`)
    if (bytes > MIRROR_LIMIT || problems.length >= FAILURE_LIMIT) break
  }
  return { ...counts, published: index.published, problems }
}

/** The parts that the source has, and those that the mirror still has from earlier. */
function partsOf({ directory }: Mirror, index: MirroredIndex): readonly string[] {
  const present = readdirSync(directory).filter(isPartName)
  return [...new Set([...index.parts.keys(), ...present])].sort()
}

async function syncPart(
  mirror: Mirror,
  { index, part }: { readonly index: MirroredIndex; readonly part: string },
  patience: Patience,
): Promise<Changes> {
  if (!(await isPartComplete(mirror, index, part))) return updateFiles(mirror, { part }, patience)
  const listed = index.parts.get(part)
  const unchanged = (listed && readPart(mirror, part, listed)?.size) ?? 0
  return { added: 0, changed: 0, removed: 0, unchanged }
}

function sizeOf(mirror: Mirror, index: MirroredIndex, part: string): number {
  const listed = index.parts.get(part)
  const listing = listed && readPart(mirror, part, listed)
  return [...(listing?.values() ?? [])].reduce((sum, { size }) => sum + size, 0)
}
