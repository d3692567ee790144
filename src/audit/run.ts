/** Audits this machine. */
import { hostname } from 'node:os'
import { namesOfNixKeys } from '../evidence/store-signatures.ts'
import { readLetIn } from '../ledger/let-in.ts'
import { respiteAt } from '../ledger/respite.ts'
import { seenConflictPaths } from '../ledger/seen-conflicts.ts'
import type { Instant } from '../policy/policy.ts'
import type { Reader } from '../policy/steps.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { readMachineIdentity } from '../verifier/machine-key.ts'
import { openAhead } from './ahead.ts'
import { hasAlike } from './alike.ts'
import { auditOf } from './assemble.ts'
import type { Audit } from './audit.ts'
import { differingIn, type HashingAsked, withDisk } from './contents.ts'
import { unregisteredIn } from './disk.ts'
import { expressionsOf } from './expressions.ts'
import {
  type Basis,
  holdsStill,
  isSameBasis,
  type Kept,
  keepable,
  nextChange,
  readKept,
  writeKept,
} from './kept.ts'
import { type KeyRegistry, openKeyRegistry } from './key-registry.ts'
import { type Later, openLater } from './later.ts'
import type { Judging } from './member.ts'
import { viewStore } from './store-view.ts'
import { surveyClosure } from './survey.ts'

/** What is audited, and how. */
export interface AuditAsked extends HashingAsked {
  readonly kind: Audit['asked']['kind']
  /** Store paths; of a whole store they are found. */
  readonly roots: readonly string[]
  /** Whether contents are read. */
  readonly contents: boolean
  /** The end of the time for judging, as of performance.now(). */
  readonly end: number
  readonly version: string
  readonly reader: Reader
  /** The command that makes the same audit again. */
  readonly again: string
  onJudged(): void
}

/** Judges everything that was asked for. Throws StoreError where the store does not answer. */
export async function auditHere(inquiry: Inquiry, wanted: AuditAsked): Promise<Audit> {
  const { version, reader, contents } = wanted
  const begun = BigInt(Date.now()) * 1_000_000n
  const { state, policy: file } = inquiry.places
  const kept = readKept(state, version)
  const names = () => namesOfNixKeys(policy)
  const view = viewStore(() => inquiry.store(), { kept, begun, names })
  const listed = wanted.kind === 'store' ? await beginning(view.allValid()) : undefined
  const policy = await inquiry.policy()
  const { now } = inquiry
  const respite = respiteAt(state, now)
  const own = readMachineIdentity(state)
  const registry = openKeyRegistry(policy, now)
  const basis = { version, policy: policy.digest, own }
  const later = openLater(policy, state, { now, end: wanted.end })
  const before = keptFor(kept, basis, { state, now, registry, later })
  const ahead = openAhead(state, before.has)
  const roots = listed === undefined ? wanted.roots : [...(await ahead.whileListed(listed.answer))].sort()
  const judging: Judging = {
    inquiry,
    policy,
    digest: policy.digest,
    now,
    own,
    registry,
    letIn: new Set(readLetIn(state)),
    disputed: new Set(seenConflictPaths(state)),
    later,
    end: wanted.end,
    alike: hasAlike(policy) ? new Map() : undefined,
    kept: before.find,
    isKept: before.has,
  }
  const surveyed = await surveyClosure(judging, { ...wanted, roots, ahead, infosOf: view.infosOf })
  const closure = surveyed.members.slice(0, surveyed.closure)
  const differing = contents ? await differingIn(closure, wanted) : []
  const told = differing.map(({ trouble: _, ...one }) => one)
  const disk = { ...(await unregisteredIn(view)), differing: told }
  const expressions = await expressionsOf(judging, surveyed.members)
  const next = { ...view.toKeep(), judged: keepable(surveyed.members, begun) }
  const isSame = view.isUnasked() && before.held() === next.judged.length
  if (!isSame)
    await writeKept(state, {
      time: now,
      change: nextChange(policy, now),
      basis,
      ...next,
      keys: [...registry.keys],
    })
  return auditOf(
    { ...surveyed, members: withDisk(surveyed.members, differing) },
    {
      time: now,
      machine: { name: hostname(), key: own },
      version,
      policy: { file, digest: policy.digest, mode: respite === undefined ? policy.mode : 'enforce' },
      asked: { kind: wanted.kind, roots, contents },
      respite: respite && { until: respite.until, reason: respite.reason },
      registry,
      reader,
      again: wanted.again,
      disk,
      expressions,
    },
  )
}

/** Lets a question go out, so that whoever answers starts while other things are read here. */
async function beginning<T>(answer: Promise<T>): Promise<{ readonly answer: Promise<T> }> {
  // Whatever goes wrong is met where the answer is taken.
  answer.catch(() => {})
  await new Promise(setImmediate)
  return { answer }
}

interface KeptFor {
  readonly state: string
  readonly now: Instant
  readonly registry: KeyRegistry
  readonly later: Later
}

/** What is kept of paths, if it still holds. `held`: of how many it was found to. */
function keptFor(kept: Kept | undefined, basis: Basis, { state, now, registry, later }: KeptFor) {
  const isBelieved = kept !== undefined && isSameBasis(kept, basis, now)
  const judged = new Map(isBelieved ? kept.judged : [])
  for (const [identity, key] of isBelieved ? kept.keys : [])
    if (!registry.keys.has(identity)) registry.keys.set(identity, key)
  let held = 0
  const find: Judging['kept'] = (path, info) => {
    const one = judged.get(path)
    if (one === undefined || !holdsStill(state, path, one, { info, now, later })) return undefined
    held++
    return one
  }
  return { find, has: (path: string) => judged.has(path), held: () => held }
}
