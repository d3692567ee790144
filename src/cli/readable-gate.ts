import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { type Gate, openGate } from '../verifier/gate.ts'
import type { Places } from '../verifier/places.ts'
import { UsageError } from './usage-error.ts'

/** Opens the gate where this user may read the ledger; else every path would be undecided for that one reason. */
export function openReadableGate(places: Places, options: { readonly records: boolean }): Gate {
  const ledger = join(places.state, 'ledger')
  try {
    accessSync(existsSync(places.state) ? places.state : '/', constants.R_OK | constants.X_OK)
    if (existsSync(ledger)) accessSync(ledger, constants.R_OK | constants.X_OK)
  } catch {
    const state = printable(places.state)
    throw new UsageError(
      `cannot read ${state}: run as root, or name a directory of your own (--state DIR), which knows nothing of what was built here`,
    )
  }
  return openGate(places, options)
}
