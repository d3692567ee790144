/** Audits of paths that a test judged itself, on a machine called `host`. */
import { auditOf } from '../../../src/audit/assemble.ts'
import type { Audit } from '../../../src/audit/audit.ts'
import type { FoundExpression } from '../../../src/audit/expressions.ts'
import type { KeyRegistry } from '../../../src/audit/key-registry.ts'
import type { Member } from '../../../src/audit/member.ts'
import { openMadeOf } from '../../../src/reach/made-of.ts'

/** The audit under the policy of `registry`, at its time. */
export function auditOfMembers(
  members: readonly Member[],
  registry: KeyRegistry,
  expressions: readonly FoundExpression[] = [],
): Audit {
  return auditOf(
    { members, closure: members.length, inputs: new Map(), madeOf: openMadeOf(), unjudged: 0 },
    {
      time: registry.now,
      machine: { name: 'host', key: undefined },
      version: '0',
      policy: { file: 'policy.toml', digest: registry.policy.digest, mode: 'enforce' },
      asked: { kind: 'paths', roots: [], contents: false },
      respite: undefined,
      registry,
      reader: 'root',
      again: 'nixsig audit',
      disk: { unregistered: [], differing: [], isCut: false },
      expressions,
    },
  )
}
