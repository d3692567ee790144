import { isHole } from '../doctor/door.ts'
import { type Door, judgeDoors, TRIED_DOORS } from '../doctor/doors.ts'
import { examine } from '../doctor/examine.ts'
import type { DoorName } from '../doctor/wording.ts'
import type { Places } from '../verifier/places.ts'

/** The doors by which something could come in unjudged. */
export interface Doors {
  readonly closed: number
  /** Open, or could not be determined. */
  readonly open: readonly DoorName[]
  /** Those that only an attempt shows: `nixsig doctor` makes it. */
  readonly untried: number
}

/**
 * Looks at the doors of this machine, and brings nothing into its store. Only root sees them all.
 * Throws FileError where Nix is not installed. `installation`: the directory of this program.
 */
export async function lookAtDoors(places: Places, installation: string): Promise<Doors> {
  const gate = { url: undefined, keys: [] }
  return countDoors(judgeDoors(await examine({ places, installation, gate, mended: [], doors: 'looked at' })))
}

/** The same of doors that were judged. Warn mode does not count as a hole here: it is said by itself. */
function countDoors(doors: readonly Door[]): Doors {
  const looked = doors.filter(({ door }) => !TRIED_DOORS.includes(door) && door !== 'mode')
  return {
    closed: looked.filter(({ state }) => state === 'closed' || state === 'warning').length,
    open: looked.filter(isHole).map(({ door }) => door),
    untried: TRIED_DOORS.length,
  }
}
