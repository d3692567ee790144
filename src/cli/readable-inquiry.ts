import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import type { Reader } from '../policy/steps.ts'
import { BY_ADMINISTRATOR, BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { type Inquiry, openInquiry } from '../verifier/inquiry.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import { isUsualSetting } from './command.ts'
import { UsageError } from './usage-error.ts'

/**
 * Opens an inquiry where this user may read the ledger; else every path would be undecided for that
 * one reason.
 */
export function openReadableInquiry(
  places: Places,
  options: { readonly records: boolean; readonly notesConflicts?: false },
): Inquiry {
  if (!isReadable(places)) throw unreadable(places)
  // What root sees on this machine is seen, also by a command that only asks.
  const notesConflicts = options.records || (isRoot() && isUsualSetting(places))
  return openInquiry(places, { notesConflicts, ...options })
}

/** Why nothing can be judged. `gate`: what came of asking the gate, if it was asked. */
export function unreadable({ state, policy }: Places, gate?: string): UsageError {
  // By a policy of one's own; the machine's is the gate's to judge by.
  if (gate === undefined && state === DEFAULT_PLACES.state && policy !== DEFAULT_PLACES.policy)
    return new UsageError(
      `cannot read ${printable(state)}, which is root's, so nothing is judged by ${printable(policy)}; next: --policy ${DEFAULT_PLACES.policy} has the gate judge, by the machine's policy; or name a directory of your own (--state DIR), which knows nothing of what was built here`,
    )
  const asked = gate === undefined ? '' : `, and ${gate}`
  return new UsageError(
    `cannot read ${printable(state)}, which is root's${asked}; next: ${BY_ADMINISTRATOR} run the same command${gate === undefined ? '' : ', or to start the gate (systemctl start nixsig)'}; or name a directory of your own (--state DIR), which knows nothing of what was built here`,
  )
}

/** Whether this user may read what the machine keeps, if anything is there. */
export function isReadable({ state }: Places): boolean {
  const ledger = join(state, 'ledger')
  try {
    accessSync(existsSync(state) ? state : '/', constants.R_OK | constants.X_OK)
    if (existsSync(ledger)) accessSync(ledger, constants.R_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether only the gate can tell this user what root would see. */
export function needsGate(places: Places): boolean {
  return !isReadable(places) && isUsualSetting(places)
}

/** An inquiry of somebody who may not read the ledger, and the places that it has. */
export interface ReadersInquiry {
  readonly inquiry: Inquiry
  readonly places: Places
  close(): void
}

/** An inquiry with a ledger that is empty, and gone afterwards. */
export function openOwnInquiry(places: Places): ReadersInquiry {
  const state = makeScratch('explain')
  const own = { ...places, state }
  const inquiry = openInquiry(own, { records: false, notesConflicts: false })
  return {
    inquiry,
    places: own,
    close() {
      inquiry.close()
      removeScratch(state)
    },
  }
}

/**
 * An inquiry for whoever only wants to know why, which refusals tell everybody to ask. Where the
 * machine's own ledger is root's alone it goes without one, and says so in `note`.
 */
export function openReadersInquiry(places: Places, note: (text: string) => void): ReadersInquiry {
  if (isReadable(places) || places.state !== DEFAULT_PLACES.state) {
    const inquiry = openReadableInquiry(places, { records: false })
    return { inquiry, places, close: () => inquiry.close() }
  }
  note(
    `nixsig: ${printable(places.state)} is root's alone, so nothing is known here of what this machine built or admitted; with all of it: the same command ${BY_ROOT}`,
  )
  return openOwnInquiry(places)
}

/** Whether root calls. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** For whom next steps are worded. */
export function readerHere(): Reader {
  return isRoot() ? 'root' : 'user'
}
