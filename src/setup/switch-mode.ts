/** `nixsig enforce` and `nixsig warn`, without their messages. Heavy: loaded only by `import()`. */
import { withLock, withLockOrWithout } from '../files/lock.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { GateReload } from './announce-policy.ts'
import { makeDirectory } from './file-state.ts'
import { lockFile } from './look.ts'
import { replacePolicy, sourceOf } from './machine-policy.ts'
import type { SetupPlaces } from './places.ts'
import { changeMode } from './policy-mode.ts'

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
    return replacePolicy(places, toml)
  })
}
