/** What the locks of a tree pin, verified before anything is evaluated. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import type { ApprovedInput, ApprovedLock } from '../../formats/in-toto/predicates/approval.ts'
import { parseFlakeLock } from '../../formats/locks/flake-lock.ts'
import { earliest } from '../../policy/key-standing.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { ExpressionError } from '../expression-error.ts'
import type { InputVerdict } from '../lock/input-verdict.ts'
import { LOCKS, readLock } from '../lock/lock-files.ts'
import type { RepositoryPlaces } from '../lock/repositories.ts'
import { verifyLock } from '../lock/verify-lock.ts'
import type { Evaluator } from './evaluator.ts'
import { type FlakeInputs, NO_INPUTS } from './expression.ts'
import { flakeInputs } from './flake-inputs.ts'
import { signersIn } from './signers.ts'
import type { VerifiedTree } from './verified-tree.ts'

/** The inputs of a tree, each verified. */
export interface VerifiedInputs {
  /** Those of its flake, in the store. */
  readonly inputs: FlakeInputs
  readonly locks: readonly ApprovedLock[]
  /** When the verdict on one of them ends, if it does. */
  readonly until?: Instant
}

/** With what inputs are verified. */
export interface InputVerifier {
  readonly policy: Policy
  readonly now: Instant
  readonly places: RepositoryPlaces
  /** An empty directory of this process. */
  readonly scratch: string
  readonly evaluator: Pick<Evaluator, 'minor'>
}

/**
 * Verifies everything that the locks at the top of a tree pin. Returns the verdicts if one of them
 * refuses. Rejects with ExpressionError for what no statement can be made about.
 */
export async function verifiedInputs(
  tree: VerifiedTree,
  { policy, now, places, scratch, evaluator }: InputVerifier,
): Promise<VerifiedInputs | { readonly refusedInputs: readonly InputVerdict[] }> {
  const files = Object.keys(LOCKS).filter(file => existsSync(join(tree.storePath, file)))
  if (files.length === 0) return { inputs: NO_INPUTS, locks: [] }
  try {
    const verdicts = await verifyLock({ policy, now, places, ...evaluator, directory: tree.storePath })
    if (verdicts.some(({ findings }) => findings.length > 0)) return { refusedInputs: verdicts }
    const unread = verdicts.find(({ isUnread }) => isUnread)
    if (unread !== undefined) throw new ExpressionError('lock', `${unread.input} cannot be read`)
    const locks = files.map(file => lockOf(tree, file, verdicts))
    const until = earliest(verdicts.map(({ revision }) => untilOf(revision?.verdict)))
    const inputs = files.includes('flake.lock')
      ? await flakeInputs(parseFlakeLock(lockIn(tree, 'flake.lock')), { tree, verdicts, places, scratch })
      : NO_INPUTS
    return { inputs, locks, ...(until === undefined ? {} : { until }) }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    throw new ExpressionError('lock', error.message)
  }
}

function untilOf(verdict: NonNullable<InputVerdict['revision']>['verdict'] | undefined): Instant | undefined {
  return verdict?.outcome === 'trusted' ? verdict.until : undefined
}

function lockOf(tree: VerifiedTree, file: string, verdicts: readonly InputVerdict[]): ApprovedLock {
  const own = verdicts.filter(verdict => verdict.file === file)
  return { file, sha256: toHex(sha256(lockIn(tree, file))), inputs: own.map(approvedInput) }
}

function approvedInput({ input, url, commit, locked, revision }: InputVerdict): ApprovedInput {
  return {
    name: input,
    url: url === '' ? 'path:.' : url,
    ...(commit === undefined ? {} : { commit }),
    ...(locked === undefined ? {} : { narHash: locked }),
    ...(revision === undefined ? { signers: [] } : signersIn(revision)),
  }
}

function lockIn({ storePath }: VerifiedTree, file: string): Uint8Array {
  const bytes = readLock(storePath, file)
  if (bytes === undefined) throw new ExpressionError('lock', `${printable(file)} went away`)
  return bytes
}
