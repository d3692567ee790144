/** Makes everything that reads the policy use a new one. Heavy: loaded only by `import()`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { askResident } from '../gate/ask-resident.ts'
import { isSettled } from '../ledger/policy-snapshot.ts'
import { printable } from '../primitives/printable.ts'
import { loadPolicy, readPolicy } from '../verifier/policy-file.ts'
import type { SetupPlaces } from './places.ts'

/**
 * Milliseconds between two looks, and for all of them together: a very recent change cannot be
 * recognised by the file's time.
 */
const INTERVAL = 100
const PATIENCE = 5000
/**
 * Milliseconds for the gate to answer. Turning enforcement off must not wait for a gate that hangs.
 */
const GATE_PATIENCE = 10_000

/**
 * Whether a running gate has loaded the policy; `hangs`: it was asked, has not answered, and may
 * still do so.
 */
export type GateReload =
  | { readonly kind: 'reloaded' | 'no-gate' | 'hangs' }
  | { readonly kind: 'not-reloaded'; readonly why: string }

/**
 * Tells the gate, if one runs. Also writes the policy's snapshot for the store plugin, which cannot
 * parse the policy itself. That takes a few seconds, because a file that was just changed may
 * change again within the same timestamp. Throws FileError and PolicyError.
 */
export async function announcePolicy(places: SetupPlaces): Promise<GateReload> {
  const answer = askToReload(places)
  const { files } = readPolicy(places)
  for (let waited = 0; waited < PATIENCE && !files.every(([, stamp]) => isSettled(stamp)); waited += INTERVAL)
    await sleep(INTERVAL)
  loadPolicy(places, { remember: true })
  return answer
}

async function askToReload({ socket }: SetupPlaces): Promise<GateReload> {
  const timer = new AbortController()
  const asked = await Promise.race([
    askResident({ kind: 'reload' }, socket),
    sleep(GATE_PATIENCE, undefined, { signal: timer.signal }),
  ])
  if (asked === undefined) return { kind: 'hangs' }
  timer.abort()
  if (asked.kind === 'answered') return { kind: 'reloaded' }
  if (asked.kind === 'absent') return { kind: 'no-gate' }
  return { kind: 'not-reloaded', why: printable(asked.why, 4000) }
}
