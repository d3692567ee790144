/** Has everything that reads the policy know of a new one. Heavy: reached by `import()` alone. */
import { setTimeout as sleep } from 'node:timers/promises'
import { askResident } from '../gate/ask-resident.ts'
import { isSettled } from '../ledger/policy-snapshot.ts'
import { printable } from '../primitives/printable.ts'
import { loadPolicy, readPolicy } from '../verifier/policy-file.ts'
import type { SetupPlaces } from './places.ts'

/** Milliseconds between two looks, and of all of them together: a file that young cannot be told by its time. */
const INTERVAL = 100
const PATIENCE = 5000
/** Milliseconds for the gate to answer. Who wants out must not wait for one that hangs. */
const GATE_PATIENCE = 10_000

/** Whether a gate runs that knows the policy now; `hangs`: it was asked, does not answer, and may yet. */
export type GateReload =
  | { readonly kind: 'reloaded' | 'no-gate' | 'hangs' }
  | { readonly kind: 'not-reloaded'; readonly why: string }

/**
 * Tells the gate, if one runs, and notes for the store plugin, which cannot read the policy itself, what it says: in a
 * few seconds, because a file that was just changed may change again at the same time. Throws FileError and PolicyError.
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
