import { derivationName, isDerivationPath, type StorePath } from '../formats/nix/store-path.ts'
import { type About, policyFor } from '../policy/lists/policy-for.ts'
import { type KnownApproval, knownApprovals } from '../verifier/approvals.ts'
import { readable } from '../verifier/graph-members.ts'
import { identify, knownFromStore } from '../verifier/identify.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { approvalLine } from './approval-words.ts'

/**
 * From which signed expressions a path came, by whom they were signed and by whom approved, a line
 * for each approval. An output and what is fetched came from what their derivations came from.
 */
export async function approvalLines(inquiry: Inquiry, path: StorePath): Promise<readonly string[]> {
  const { about, approvals } = await approvalsAbout(inquiry, path)
  if (approvals.length === 0) return []
  // With the people of lists that it asks for about this path.
  const policy = policyFor(await inquiry.policy(), about)
  return [...new Set(approvals.map(known => approvalLine(policy, known)))]
}

/** What is approved about a path, and what a policy has to know of it. */
export interface Approvals {
  readonly about: About
  readonly approvals: readonly KnownApproval[]
}

/** What is approved about a path: about its derivations, for what they make. */
export async function approvalsAbout(inquiry: Inquiry, path: StorePath): Promise<Approvals> {
  if (isDerivationPath(path)) {
    const kind = 'derivation'
    const narHash = readable(path.path)?.narHash
    const approvals =
      narHash === undefined ? [] : await knownApprovals(inquiry, { path: path.path, kind, narHash }, [])
    return { about: { name: derivationName(path), kind }, approvals }
  }
  const info = await (await inquiry.store()).pathInfo(path.path)
  const { kind, makers } = await identify(inquiry, path, knownFromStore(info))
  const derivations = makers.map(({ derivation }) => derivation)
  const subject = { path: path.path, kind, narHash: info?.narHash ?? '' }
  return { about: { name: path.name, kind }, approvals: await knownApprovals(inquiry, subject, derivations) }
}
