import { type LogHealth, lookAtLog } from '../decisions/health.ts'
import { FileError } from '../files/regular-file.ts'
import type { DecisionSettings } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { readMachineKey } from './machine-key.ts'

/** How the log of this machine stands, also by what is kept elsewhere, as its policy says. */
export function lookAtOwnLog(state: string, settings: DecisionSettings): LogHealth | undefined {
  return lookAtLog(state, { ...settings, key: keyOf(state) })
}

/** Undefined if it is damaged, which is told wherever it is needed. */
function keyOf(state: string): Uint8Array | undefined {
  try {
    return readMachineKey(state)
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError) return undefined
    throw error
  }
}
