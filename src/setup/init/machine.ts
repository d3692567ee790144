/** What `nixsig init` finds on a machine. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import type { Policy } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Carried } from '../carry/carried.ts'
import { settingsIn } from '../look.ts'
import { lookForCarried } from '../look-carried.ts'
import type { Setting } from '../nix-conf.ts'
import type { SetupPlaces } from '../places.ts'

/**
 * What nix.conf says, in the words of a policy: as root sees it. Throws FormatError and FileError
 * for what has to be put right first.
 */
export function carriedForMachine(places: SetupPlaces, policy: Policy | undefined): Carried {
  return lookForCarried(settingsIn(places.nixConf, places), policy, places)
}

/**
 * The same for a user who is not root, for whom the user's own nix.conf counts too, in `config`
 * (the directory of configuration). No secret of the machine's is named, and no proxy.
 */
export function carriedForUser(places: SetupPlaces, config: string): Carried {
  const settings = [
    ...settingsIn(places.nixConf, places),
    ...ownSettings(join(config, 'nix/nix.conf'), places),
  ]
  const { environment: _, users: __, ...bare } = places
  const carried = lookForCarried(settings, undefined, bare)
  return {
    ...carried,
    upstreams: carried.upstreams.map(({ url, priority, origin }) => ({
      url,
      origin,
      ...(priority === undefined ? {} : { priority }),
    })),
    netrcFile: undefined,
    http: { noProxy: [], notes: [], obstacles: [] },
    notes: [],
    obstacles: [],
  }
}

/** What cannot be read there is Nix's own matter. */
function ownSettings(file: string, places: SetupPlaces): readonly Setting[] {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) === undefined ? [] : settingsIn(file, places)
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return []
    throw error
  }
}
