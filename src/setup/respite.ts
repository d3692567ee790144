/** Begins and ends a respite, without the messages about it. Heavy: loaded only by `import()`. */
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

/** Milliseconds for the system log to take a line. */
const LOG_PATIENCE = 5000

/**
 * Allows untrusted paths for a time, and makes everything use that. Undefined: the policy allows
 * them anyway. Throws PolicyError and FileError if the policy cannot be read: then everything is
 * refused, respite or not.
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

/** What was ended, and whether everything knows. */
export interface Ended {
  readonly mode: Policy['mode']
  readonly wasInForce: boolean
  readonly settled: GateReload
}

/**
 * Ends a respite, whether it is in force, over or unreadable; undefined if there is none. Waits for
 * no other process: the respite is over before anything else is done. Throws PolicyError and
 * FileError.
 */
export async function cutShort(places: SetupPlaces, now: number): Promise<Ended | undefined> {
  if (versionOf(respiteFile(places.state)) === undefined) return undefined
  const wasInForce = respiteAt(places.state, now) !== undefined
  endRespite(places.state)
  return withLockOrWithout(lockFile(places), async () => {
    // A process that was giving one held the lock, and may have written it after the first removal.
    endRespite(places.state)
    if (wasInForce) await log('refuses again what is not trusted, by order of root')
    const settled = await announcePolicy(places)
    return { mode: readPolicy(places).policy.mode, wasInForce, settled }
  })
}

/** Writes a line to the system log, where there is one; the gate's own log has it too. */
async function log(text: string): Promise<void> {
  const args = ['--tag', 'nixsig', '--priority', 'auth.warning', '--', `nixsig ${text}`]
  await runProgram('logger', args, LOG_PATIENCE).catch(() => undefined)
}
