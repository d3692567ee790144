/** Audits of the machines of a small fleet, each made from one by what is different about it. */
import { SMALL_AUDIT } from '../../fuzz/targets/audits.ts'
import type { Audit, AuditedPath } from '../../src/audit/audit.ts'
import type { Finding, FindingKind, Fleet } from '../../src/fleet/fleet.ts'
import { openMerge } from '../../src/fleet/merge.ts'
import { NOTHING } from '../support/audits/nothing.ts'

export const NOW = SMALL_AUDIT.time + 60

const [OUTPUT] = SMALL_AUDIT.paths
if (OUTPUT === undefined) throw new Error('the small audit has no path')

/** A trusted path without anything to say about it. */
export function path(name: string, with_: Partial<AuditedPath> = {}): AuditedPath {
  return {
    ...(OUTPUT as AuditedPath),
    path: `/nix/store/${'0'.repeat(32)}-${name}`,
    derivation: undefined,
    basis: 'claims',
    exemption: undefined,
    claims: [],
    builtHere: false,
    letIn: false,
    ...with_,
  }
}

export const refused: Partial<AuditedPath> = {
  outcome: 'untrusted',
  status: 10,
  basis: undefined,
  message: 'nobody signed it',
}

/** A machine that nothing is wrong with. */
export function machine(name: string, with_: Partial<Audit> = {}): Audit {
  const digit = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0).toString(16)
  return {
    ...SMALL_AUDIT,
    machine: { name, key: `ed25519:${digit.padStart(64, '0')}` },
    ...NOTHING,
    paths: [path('a'), path('b')],
    ...with_,
  }
}

/** The report on these audits, each in a file of its number. */
export function reportOn(audits: readonly Audit[], expected?: readonly string[]): Fleet {
  const merge = openMerge(NOW)
  for (const [index, audit] of audits.entries()) merge.add(`${index}.json`, audit)
  return merge.report({ oldAfter: 8 * 86_400, expected })
}

/** The findings of a kind. */
export function found<Kind extends FindingKind>(
  fleet: Fleet,
  kind: Kind,
): readonly Extract<Finding, { readonly kind: Kind }>[] {
  return fleet.findings.filter(
    (finding): finding is Extract<Finding, { readonly kind: Kind }> => finding.kind === kind,
  )
}
