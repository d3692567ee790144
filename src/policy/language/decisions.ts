/** `[decisions]`: the log of what was let in and refused. */
import type { DecisionSettings } from '../policy.ts'
import { booleanOf, complain, fieldsOf, type Node, plainStringOf } from './fields.ts'

const MIB = 1024 * 1024
const LEAST = 8 * MIB
const MOST = 64 * 1024 * MIB
const PATH_LIMIT = 1024

/** The settings of a policy without `[decisions]`. */
export const DEFAULT_DECISIONS: DecisionSettings = { log: 'kept', size: 64 * MIB, journal: false }

/** Reads `[decisions]` and records its problems. `absolute` resolves a path in the policy. */
export function readDecisions(node: Node | undefined, absolute: (path: string) => string): DecisionSettings {
  const fields = node && fieldsOf(node, [], ['keep', 'required', 'size', 'journal', 'checkpoints-to'])
  if (fields === undefined) return DEFAULT_DECISIONS
  const { required } = fields
  const isKept = booleanOf(fields.keep) ?? true
  const isRequired = booleanOf(required) ?? false
  if (required !== undefined && isRequired && !isKept)
    complain(required, 'must not be true where "keep" is false: nothing is written then')
  const directory = plainStringOf(fields['checkpoints-to'], PATH_LIMIT)
  return {
    log: isRequired ? 'required' : isKept ? 'kept' : 'off',
    size: sizeOf(fields.size) ?? DEFAULT_DECISIONS.size,
    journal: booleanOf(fields.journal) ?? DEFAULT_DECISIONS.journal,
    ...(directory === undefined ? {} : { checkpointsTo: absolute(directory) }),
  }
}

/** A number and its unit, such as `"64 MiB"`. */
function sizeOf(node: Node | undefined): number | undefined {
  const text = plainStringOf(node, 16)
  if (node === undefined || text === undefined) return undefined
  const [, digits, unit] = /^([1-9][0-9]{0,4}) (MiB|GiB)$/.exec(text) ?? []
  const size = Number(digits) * (unit === 'GiB' ? 1024 * MIB : MIB)
  if (size >= LEAST && size <= MOST) return size
  return complain(node, 'must be a size from "8 MiB" to "64 GiB", such as "64 MiB"')
}
