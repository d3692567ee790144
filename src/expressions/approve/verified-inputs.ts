/** What the lock of a flake pins, verified before anything is evaluated. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { readRegularFile } from '../../files/regular-file.ts'
import type { Approval } from '../../formats/in-toto/predicates/approval.ts'
import { isObject } from '../../formats/json/print.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import type { Refusal } from '../../policy/verdict.ts'
import { ExpressionError } from '../expression-error.ts'
import { type FlakeInputs, NO_INPUTS } from './expression.ts'
import type { Target } from './target.ts'
import type { VerifiedTree } from './verified-tree.ts'

const LOCK = 'flake.lock'
const LOCK_LIMIT = 4 * 1024 * 1024

/** The inputs of a flake, each a tree that was verified. */
export interface VerifiedInputs {
  readonly inputs: FlakeInputs
  readonly lock?: NonNullable<Approval['lock']>
  readonly until?: Instant
}

/**
 * Verifies the inputs that a tree locks. What is not a flake has none: files of it that pin
 * something give its hash, and fetching is only possible where it was allowed. Rejects with
 * ExpressionError.
 */
export async function verifiedInputs(
  _policy: Policy,
  tree: VerifiedTree,
  target: Target,
  _now: Instant,
): Promise<VerifiedInputs | { readonly refused: readonly Refusal[] }> {
  if (target.kind !== 'flake') return { inputs: NO_INPUTS }
  const bytes = readRegularFile(join(tree.storePath, LOCK), LOCK_LIMIT)
  if (bytes === undefined) return { inputs: NO_INPUTS }
  if (!hasNoInputs(bytes)) {
    throw new ExpressionError('lock', 'the inputs in flake.lock cannot be verified: approve what has none')
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { inputs: NO_INPUTS, lock: { file: LOCK, sha256, inputs: [] } }
}

function hasNoInputs(bytes: Uint8Array): boolean {
  const lock = parseStrictJson(decodeUtf8(bytes, 'flake.lock'), { length: LOCK_LIMIT, depth: 8 })
  const nodes = isObject(lock) ? lock.get('nodes') : undefined
  return nodes !== undefined && isObject(nodes) && nodes.size === 1
}
