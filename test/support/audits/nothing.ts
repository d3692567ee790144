import type { Audit } from '../../../src/audit/audit.ts'

/** What an audit has besides its circumstances and its paths, where there is nothing to tell. */
export const NOTHING = {
  respite: undefined,
  expressions: [],
  keys: [],
  principals: [],
  groups: [],
  shares: [],
  weakest: undefined,
  exemptions: [],
  ends: [],
  disk: { unregistered: [], differing: [], missing: [], isCut: false },
  unjudged: 0,
} as const satisfies Partial<Audit>
