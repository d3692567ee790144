/** Changes the text of the machine's policy, under its lock. Heavy: loaded only by `import()`. */
import { withLock } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import type { GateReload } from './announce-policy.ts'
import { makeDirectory } from './file-state.ts'
import { lockFile } from './look.ts'
import { replacePolicy, sourceOf } from './machine-policy.ts'
import type { SetupPlaces } from './places.ts'

/** A change: the text that it makes, and what has to be so afterwards. */
export interface PolicyChange {
  /** The new text of the policy as it is under the lock; undefined: there is nothing to change. */
  text(source: PolicySource, before: Policy): string | undefined
  /** Why the parsed result is not what was wanted; undefined: it is. */
  problem(before: Policy, after: Policy): string | undefined
}

/**
 * Writes the policy's file anew, and makes everything use it. Undefined: nothing was changed. The
 * result is parsed like any policy before it is written. Throws PolicyError and FileError, and then
 * the file is unchanged.
 */
export async function changePolicy(
  places: SetupPlaces,
  change: PolicyChange,
): Promise<GateReload | undefined> {
  makeDirectory(places.state)
  return withLock(lockFile(places), async () => {
    const source = sourceOf(places)
    const before = parsePolicy(source)
    const text = change.text(source, before)
    if (text === undefined || text === source.toml) return undefined
    const problem = change.problem(before, parsePolicy({ ...source, toml: text }))
    if (problem !== undefined) throw new FileError(`${printable(places.policy)} was not changed: ${problem}`)
    return replacePolicy(places, text)
  })
}

/** The text with whole tables after its end, one empty line before them. */
export function withAppended(toml: string, tables: string): string {
  const text = toml.replace(/\s*$/, '')
  return text === '' ? tables : `${text}\n\n${tables}`
}
