/** The machine's policy as a file whose text can be changed. Heavy: loaded only by `import()`. */
import { lstatSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import type { PolicySource } from '../policy/language/parse.ts'
import { printable } from '../primitives/printable.ts'
import { announcePolicy, type GateReload } from './announce-policy.ts'
import { placeState, readState } from './file-state.ts'
import type { SetupPlaces } from './places.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** The text of the policy, to be changed. Throws FileError. */
export function sourceOf({ policy: file }: SetupPlaces): PolicySource {
  const name = printable(file)
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status === undefined) throw new FileError(`there is no ${name}: nixsig setup creates one`)
  if (status.isSymbolicLink()) {
    throw new FileError(
      `${name} is a symbolic link: what makes ${printable(realPath(file))} has to set its mode`,
    )
  }
  const toml = decodeUtf8(readState(file)?.bytes ?? Buffer.alloc(0), 'policy')
  const certificate = (path: string) => readProtectedFile(path, CERTIFICATE_LIMIT)
  return { toml, file, directory: dirname(file), certificate }
}

function realPath(file: string): string {
  try {
    return realpathSync.native(file)
  } catch {
    return file
  }
}

/** Replaces the whole text, atomically, and makes everything use it. Throws FileError. */
export function replacePolicy(places: SetupPlaces, toml: string): Promise<GateReload> {
  const state = readState(places.policy)
  if (state === undefined) throw new FileError(`${printable(places.policy)} went away`)
  placeState(places.policy, { ...state, bytes: Buffer.from(toml, 'utf8') })
  return announcePolicy(places)
}
