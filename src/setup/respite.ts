/** Gives a respite and ends it, but for what is said of it. Heavy: reached by `import()` alone. */
import { withLock, withLockOrWithout } from '../files/lock.ts'
import { runProgram } from '../files/run.ts'
import { endRespite, giveRespite, type Respite, respiteAt, respiteFile } from '../ledger/respite.ts'
import { versionOf } from '../ledger/stamp.ts'
import type { Policy } from '../policy/policy.ts'
import { when } from '../policy/words.ts'
import { readPolicy } from '../verifier/policy-file.ts'
import { announcePolicy, type GateReload } from './announce-policy.ts'
import { makeDirectory } from './file-state.ts'
import { lockFile } from './look.ts'
import type { SetupPlaces } from './places.ts'

/** Milliseconds for the system's log to take a line. */
const LOG_PATIENCE = 5000

/**
 * Lets pass what is not trusted, for a time, and has everything know of it. Undefined: the policy does so anyway. Throws
 * PolicyError and FileError if the policy cannot be read: then everything is refused, whatever is let pass.
 */
export async function beginRespite(places: SetupPlaces, respite: Respite): Promise<GateReload | undefined> {
  makeDirectory(places.state)
  return withLock(lockFile(places), async () => {
    if (readPolicy(places).policy.mode === 'warn') return undefined
    giveRespite(places.state, respite)
    const reason = respite.reason === '' ? '' : `: ${respite.reason}`
    await log(`refuses nothing until ${when(respite.until)}, by order of root${reason}`)
    return announcePolicy(places)
  })
}

/** What was ended, and whether everything knows; undefined: no respite was given. */
export interface Ended {
  readonly mode: Policy['mode']
  readonly wasInForce: boolean
  readonly settled: GateReload
}

/**
 * Ends a respite, whether it is in force, over or unreadable. Waits for no other process: it is over before anything else is
 * done. Throws PolicyError and FileError.
 */
export async function cutShort(places: SetupPlaces, now: number): Promise<Ended | undefined> {
  if (versionOf(respiteFile(places.state)) === undefined) return undefined
  const wasInForce = respiteAt(places.state, now) !== undefined
  endRespite(places.state)
  return withLockOrWithout(lockFile(places), async () => {
    // Whoever gave one had the lock then, and may have been slower.
    endRespite(places.state)
    if (wasInForce) await log('refuses again what is not trusted, by order of root')
    const settled = await announcePolicy(places)
    return { mode: readPolicy(places).policy.mode, wasInForce, settled }
  })
}

/** A line in the system's log, where there is one: the gate's own tells it too. */
async function log(text: string): Promise<void> {
  const args = ['--tag', 'nixsig', '--priority', 'auth.warning', '--', `nixsig ${text}`]
  await runProgram('logger', args, LOG_PATIENCE).catch(() => undefined)
}
