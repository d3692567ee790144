/** Adds exemptions to the machine's policy. Heavy: loaded only by `import()`. */
import { withLock } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import { printable } from '../primitives/printable.ts'
import { announcePolicy, type GateReload } from './announce-policy.ts'
import { makeDirectory, placeState, readState } from './file-state.ts'
import { lockFile } from './look.ts'
import type { SetupPlaces } from './places.ts'
import { sourceOf } from './switch-mode.ts'

/**
 * Appends entries to the policy's file, and makes everything use it. `toml`: whole `[[exemptions]]`
 * entries, as many as `count`. The result is parsed like any policy before it is written. Throws
 * PolicyError and FileError, and then the file is unchanged.
 */
export async function addExemptions(places: SetupPlaces, toml: string, count: number): Promise<GateReload> {
  makeDirectory(places.state)
  return withLock(lockFile(places), async () => {
    const source = sourceOf(places)
    const before = parsePolicy(source)
    const ending = source.toml === '' || source.toml.endsWith('\n') ? '' : '\n'
    const text = `${source.toml}${ending}${toml}`
    const after = parsePolicy({ ...source, toml: text })
    if (after.exemptions.length !== before.exemptions.length + count)
      throw new FileError(`${printable(places.policy)} would not have the exemptions that were added`)
    const state = readState(places.policy)
    if (state === undefined) throw new FileError(`${printable(places.policy)} went away`)
    placeState(places.policy, { ...state, bytes: Buffer.from(text, 'utf8') })
    return announcePolicy(places)
  })
}
