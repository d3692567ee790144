import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { INDEX, INDEX_LIMIT, parseIndex } from '../../formats/publication.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import type { Patience } from '../../http/patience.ts'
import { SourceError } from '../../http/source-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Asking, ask, parsed } from './ask.ts'
import { type Mirror, type MirroredIndex, readIndex, readRecord, writeRecord } from './mirror.ts'
import { sha256Of } from './verified.ts'

/**
 * How many seconds a publisher's clock may be ahead. An index with a later time would make all
 * correct ones look old for long.
 */
const AHEAD_LIMIT = 24 * 3600

/**
 * Asks a source for its index, even if the mirror has one, and stores it. Refuses an index that is
 * older than the last one seen: publications only get newer, and an old index would hide what was
 * withdrawn or attested since. The caller must hold the mirror's lock. Throws SourceError,
 * FileError and what writing throws.
 */
export async function askForIndex(mirror: Mirror, patience: Patience): Promise<MirroredIndex> {
  const old = readIndex(mirror)
  const record = readRecord(mirror)
  const known = old !== undefined && record?.index === old.sha256 ? { index: old, record } : undefined
  const asking: Asking = { name: INDEX, limit: INDEX_LIMIT, excess: 'refuse' }
  const { status, body, validators } = await ask(mirror, { ...asking, known: known?.record }, patience)
  if (status === 404) throw failed('is not there: does a publication lie at this address?')
  if (status === 304) {
    if (known === undefined) throw failed('is said not to have changed, which was not asked')
    writeRecord(mirror, { ...known.record, checked: seconds() })
    return known.index
  }
  const index = { ...parsed(INDEX, () => parseIndex(body)), sha256: sha256Of(body) }
  assertLater(mirror, old, index)
  // The index is written before the record: a record about an index that is not there would let an
  // older index pass as confirmed. The index is flushed, since it also records how new the
  // publication was; all else can be fetched again.
  if (index.sha256 !== old?.sha256) {
    writeDurably(join(mirror.directory, INDEX), body, { flush: true, mode: 0o644 })
  }
  writeRecord(mirror, { index: index.sha256, checked: seconds(), ...validators })
  return index
}

function assertLater({ directory }: Mirror, old: MirroredIndex | undefined, index: MirroredIndex): void {
  const time = printTimestamp(index.published)
  if (index.published > seconds() + AHEAD_LIMIT) throw failed(`is of ${time}, more than a day ahead`)
  if (old === undefined || old.sha256 === index.sha256 || old.published < index.published) return
  const known = old.published === index.published ? 'another one of that time' : printTimestamp(old.published)
  throw failed(`went back to ${time} from ${known}: if its publisher meant to, rm -r ${printable(directory)}`)
}

function seconds(): number {
  return Math.floor(Date.now() / 1000)
}

function failed(problem: string): SourceError {
  return new SourceError(`${INDEX} ${problem}`, { isPassing: false })
}
