/** `nixsig enforce` and `nixsig warn`, without their messages. Heavy: loaded only by `import()`. */
import { lstatSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { withLock, withLockOrWithout } from '../files/lock.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { announcePolicy, type GateReload } from './announce-policy.ts'
import { makeDirectory, placeState, readState } from './file-state.ts'
import { lockFile } from './look.ts'
import type { SetupPlaces } from './places.ts'
import { changeMode } from './policy-mode.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** The policy whose mode may be changed. Throws PolicyError and FileError. */
export function policyInForce(places: SetupPlaces): Policy {
  return parsePolicy(sourceOf(places))
}

/**
 * Writes the mode into the policy's file and makes everything use it. Undefined: the policy has
 * that mode already. Throws PolicyError and FileError, and then the file is unchanged.
 */
export async function switchMode(places: SetupPlaces, mode: Policy['mode']): Promise<GateReload | undefined> {
  makeDirectory(places.state)
  // Enforcing must not wait for another process; the file is replaced atomically.
  const inTurn = mode === 'enforce' ? withLockOrWithout : withLock
  return inTurn(lockFile(places), async () => {
    const { policy, toml } = changeMode(sourceOf(places), mode)
    if (policy.mode === mode) return undefined
    const state = readState(places.policy)
    if (state === undefined) throw new FileError(`${printable(places.policy)} went away`)
    placeState(places.policy, { ...state, bytes: Buffer.from(toml, 'utf8') })
    return announcePolicy(places)
  })
}

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
