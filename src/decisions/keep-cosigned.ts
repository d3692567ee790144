/** Keeps states of the log that witnesses cosigned. */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printNote } from '../formats/tlog/note.ts'
import type { LogQuorum } from '../policy/log-quorums.ts'
import { printable } from '../primitives/printable.ts'
import { keepNewest } from './checkpoint.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import { logPlaces, numberName } from './places.ts'
import { lengthOf } from './read.ts'
import { checkpointFault } from './verify.ts'
import { lacksOf } from './witnessed.ts'

/** How many are kept. */
const KEPT = 64

/**
 * Keeps a checkpoint beside the log if it is one of this log, agrees with it, and enough witnesses
 * cosigned it. `key`: the machine's, 32 raw bytes. Throws FileError with the reason otherwise.
 */
export function keepCosigned(
  state: string,
  given: KeptCheckpoint,
  { quorum, key }: { readonly quorum: LogQuorum; readonly key: Uint8Array },
): void {
  const places = logPlaces(state)
  const fault = checkpointFault(places, given, key)
  if (fault !== undefined) throw new FileError(fault.detail)
  const lacks = lacksOf(given, quorum, key)
  if (lacks !== undefined)
    throw new FileError(`${printable(given.from)} is not cosigned as it has to be: ${lacks}`)
  writeDurably(join(places.cosigned, numberName(given.checkpoint.size)), printNote(given.note), {
    flush: true,
  })
  keepNewest(places.cosigned, { most: KEPT, lines: lengthOf(places) })
}
