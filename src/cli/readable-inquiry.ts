import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { type Inquiry, openInquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'
import { isUsualSetting } from './command.ts'
import { UsageError } from './usage-error.ts'

/**
 * Opens an inquiry where this user may read the ledger; else every path would be undecided for that
 * one reason.
 */
export function openReadableInquiry(places: Places, options: { readonly records: boolean }): Inquiry {
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
  // What root sees on this machine is seen, also by a command that only asks.
  const notesConflicts = options.records || (process.geteuid?.() === 0 && isUsualSetting(places))
  return openInquiry(places, { ...options, notesConflicts })
}
