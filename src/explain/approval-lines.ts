import { isDerivationPath, type StorePath } from '../formats/nix/store-path.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import { knownApprovals } from '../verifier/approvals.ts'
import { readable } from '../verifier/graph-members.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { approvalLine } from './approval-words.ts'

/**
 * From which signed expressions a path came, by whom they were signed and by whom approved, a line
 * for each approval. An output and what is fetched came from what their derivations came from.
 */
export async function approvalLines(inquiry: Inquiry, path: StorePath): Promise<readonly string[]> {
  const whole = await inquiry.policy()
  const approvals = await approvalsAbout(inquiry, path)
  if (approvals.length === 0) return []
  const policy = await peopleFor(inquiry, whole, path)
  return [...new Set(approvals.map(known => approvalLine(policy, known)))]
}

/** The policy, with the people of lists that it asks for about this path. */
async function peopleFor(inquiry: Inquiry, whole: Policy, path: StorePath): Promise<Policy> {
  if (whole.lists.size === 0) return whole
  const { kind } = isDerivationPath(path)
    ? { kind: 'derivation' as const }
    : await identify(inquiry, path, knownFromStore(await (await inquiry.store()).pathInfo(path.path)))
  return policyFor(whole, { name: path.name.replace(/\.drv$/, ''), kind })
}

async function approvalsAbout(inquiry: Inquiry, path: StorePath) {
  if (isDerivationPath(path)) {
    const narHash = readable(path.path)?.narHash
    return narHash === undefined
      ? []
      : knownApprovals(inquiry, { path: path.path, kind: 'derivation', narHash }, [])
  }
  const info = await (await inquiry.store()).pathInfo(path.path)
  const { kind, makers } = await identify(inquiry, path, knownFromStore(info))
  const derivations = makers.map(({ derivation }) => derivation)
  return knownApprovals(inquiry, { path: path.path, kind, narHash: info?.narHash ?? '' }, derivations)
}
