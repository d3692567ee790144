/** Audits this machine. */
import { hostname } from 'node:os'
import { readLetIn } from '../ledger/let-in.ts'
import { respiteAt } from '../ledger/respite.ts'
import type { Reader } from '../policy/steps.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { readMachineIdentity } from '../verifier/machine-key.ts'
import { alteredRefusal } from '../verifier/settle-contents.ts'
import { auditOf } from './assemble.ts'
import type { Audit } from './audit.ts'
import { differingIn } from './contents.ts'
import { unregisteredIn } from './disk.ts'
import { expressionsOf } from './expressions.ts'
import type { Member } from './member.ts'
import { surveyClosure } from './survey.ts'

/** What is audited, and how. */
export interface AuditAsked {
  readonly asked: Audit['asked']
  /** The end of the time for judging, as of performance.now(). */
  readonly end: number
  readonly version: string
  readonly reader: Reader
  onBegin(paths: number): void
  onJudged(): void
  /** Called with each path whose contents are read. */
  onHashing(path: string): void
}

/** Judges everything that was asked for. Throws StoreError where the store does not answer. */
export async function auditHere(inquiry: Inquiry, wanted: AuditAsked): Promise<Audit> {
  const { asked, end, version, reader, onBegin, onJudged } = wanted
  const { state, policy: file } = inquiry.places
  const policy = await inquiry.policy()
  const { now } = inquiry
  const respite = respiteAt(state, now)
  const own = readMachineIdentity(state)
  const letIn = new Set(readLetIn(state))
  const judging = { inquiry, policy, digest: policy.digest, now, own, letIn, end }
  const surveyed = await surveyClosure(judging, { roots: asked.roots, onBegin, onJudged })
  const known = new Map(
    surveyed.members.flatMap(({ path, info }) => (info === undefined ? [] : [[path, info] as const])),
  )
  const differing = asked.contents
    ? await differingIn(surveyed.members.slice(0, surveyed.closure), wanted)
    : []
  const disk = { ...(await unregisteredIn(await inquiry.store(), known)), differing }
  const members = withAltered(surveyed.members, differing)
  return auditOf(
    { ...surveyed, members },
    {
      time: now,
      machine: { name: hostname(), key: own },
      version,
      policy: { file, digest: policy.digest, mode: respite === undefined ? policy.mode : 'enforce' },
      asked,
      respite: respite && { until: respite.until, reason: respite.reason },
      inForce: policy,
      now,
      reader,
      disk,
      expressions: await expressionsOf(judging, surveyed.members),
    },
  )
}

/** What lies there with other contents is refused, as `nixsig verify` refuses it. */
function withAltered(members: readonly Member[], differing: Audit['disk']['differing']): readonly Member[] {
  const altered = new Map(differing.map(({ path, ...hashes }) => [path, hashes]))
  return members.map((member, place) => {
    const hashes = altered.get(place)
    if (hashes === undefined) return member
    const { path, kind } = member
    const refusal = alteredRefusal({ path: { path }, kind }, hashes)
    return { ...member, standing: { outcome: 'refused', refusal, claims: [] } }
  })
}
