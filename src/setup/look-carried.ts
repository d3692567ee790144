/** Looks for what a first policy has to carry over from Nix. */
import { lstatSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readSecretKeyFile } from '../crypto/secret-key.ts'
import { protectedPath, readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { DEFAULT_GATE } from '../policy/language/gate.ts'
import { printable } from '../primitives/printable.ts'
import { type Carried, carryOver, type FileFacts, secretsOf } from './carry/carried.ts'
import { environmentOfNix } from './carry/environment.ts'
import { keysOfUsers } from './carry/users.ts'
import { readState } from './file-state.ts'
import type { Found } from './found.ts'
import { type Setting, wordsFor } from './nix-conf.ts'
import type { SetupPlaces } from './places.ts'

const FILE_LIMIT = 4 * 1024 * 1024
const KEY_LIMIT = 4096

/** What these settings and the environment of Nix say. Throws FileError. */
export function lookForCarried(
  settings: readonly Setting[],
  policy: Found['policy'],
  places: SetupPlaces,
): Carried {
  return carryOver({
    settings,
    environment: places.environment ? environmentOfNix(places.environment, process.env) : {},
    ownKeys: ownKeys(settings, places),
    userKeys: places.users ? keysOfUsers(wordsFor(settings, 'trusted-users'), places.users) : [],
    listen: policy?.gate.listen ?? DEFAULT_GATE.listen,
    usualNetrc: join(dirname(places.nixConf), 'netrc'),
    files: FILES,
  })
}

/** The files for the secrets of a first policy, as they are now. Throws FileError. */
export function lookAtSecrets(carried: Carried, places: SetupPlaces): Found['secrets'] {
  const directory = dirname(places.policy)
  return new Map(secretsOf(carried).map(({ file }) => [file, readState(join(directory, file))]))
}

const FILES: FileFacts = {
  isThere: file => lstatSync(file, { throwIfNoEntry: false }) !== undefined,
  problem(file, kind) {
    const name = printable(file)
    if (!/^\/[\x21-\x7e]{1,1000}$/.test(file)) return `${name} is not an absolute path that a policy can have`
    try {
      const real = protectedPath(file)
      if (readOwnedFile(real, FILE_LIMIT) === undefined) return `there is no ${name}`
      if (kind === 'secret' && (statSync(real).mode & 0o077) !== 0)
        return `${name} can be read by others (chmod 600 ${name})`
      return undefined
    } catch (error) {
      if (error instanceof FileError) return error.message
      throw error
    }
  },
}

/**
 * The keys of this machine's own, and those by which Nix signs here. One that cannot be read is
 * passed over.
 */
function ownKeys(settings: readonly Setting[], { state }: SetupPlaces): ReadonlySet<string> {
  const files = [
    join(state, 'machine.secret'),
    join(state, 'gate.secret'),
    ...wordsFor(settings, 'secret-key-files'),
  ]
  return new Set(files.slice(0, 64).flatMap(rawKeyIn))
}

function rawKeyIn(file: string): readonly string[] {
  try {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? KEY_LIMIT) >= KEY_LIMIT) return []
    const { publicKey } = readSecretKeyFile(file)
    return [Buffer.from(publicKey).toString('base64')]
  } catch {
    return []
  }
}
