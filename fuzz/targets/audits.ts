import { strict as assert } from 'node:assert'
import type { Audit } from '../../src/audit/audit.ts'
import { auditJson } from '../../src/audit/json.ts'
import { parseAudit } from '../../src/audit/parse.ts'
import { DERIVATION, PATH } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const DIGEST = 'ab'.repeat(32)
const NOW = 1_772_366_400

const CLAIM = { key: 0, role: 'builder', graph: DERIVATION, origin: 'https://cache.example.org' } as const

/** One of everything that an audit may say. */
export const SMALL_AUDIT: Audit = {
  time: NOW,
  machine: { name: 'web-1', key: `ed25519:${DIGEST}` },
  version: '0.1.0',
  policy: { file: '/etc/nixsig/policy.toml', digest: DIGEST, mode: 'enforce' },
  asked: { kind: 'system', roots: [PATH], contents: true },
  respite: { until: NOW + 3600, reason: 'moving \u202e keys' },
  paths: [
    {
      path: PATH,
      kind: 'output',
      part: 'closure',
      narHash: DIGEST,
      narSize: 4096,
      references: [],
      derivation: 1,
      inputs: [],
      outcome: 'trusted',
      status: 0,
      ground: 'rule',
      rule: 'default',
      basis: 'exemption',
      exemption: 0,
      group: undefined,
      because: undefined,
      message: undefined,
      claims: [CLAIM],
      builtHere: true,
      until: NOW + 86_400,
      letIn: true,
      registered: NOW - 1,
    },
    {
      path: DERIVATION,
      kind: 'derivation',
      part: 'making',
      narHash: undefined,
      narSize: 0,
      references: [0],
      derivation: undefined,
      inputs: [0],
      outcome: 'untrusted',
      status: 10,
      ground: 'inputs',
      rule: undefined,
      basis: undefined,
      exemption: undefined,
      group: 0,
      because: PATH,
      message: 'unsigned',
      claims: [],
      builtHere: false,
      until: undefined,
      letIn: false,
      registered: undefined,
    },
  ],
  expressions: [
    {
      url: 'https://git.example.org/a',
      revision: '1'.repeat(40),
      signers: ['carl'],
      committers: ['carl'],
      reviewers: [],
      claims: [CLAIM],
      covers: [1, 0],
    },
  ],
  keys: [
    {
      identity: `openpgp:${'AB'.repeat(20)}`,
      label: 'cache-1:abc',
      principal: 0,
      until: NOW,
      isRevoked: true,
      falls: [0],
    },
  ],
  principals: [{ name: 'cache', list: 'community', roles: ['builder'], keys: [0], falls: [0] }],
  groups: [{ code: 'unsigned-derivation', title: 'nobody signed', next: 'nixsig explain', paths: [1] }],
  shares: [{ kind: 'output', role: 'builder', signed: 1, total: 1 }],
  weakest: { key: 0, falls: 1 },
  exemptions: [{ line: 12, reason: 'until spring', author: 'alice', until: NOW + 86_400, paths: [0] }],
  ends: [{ kind: 'key', what: `openpgp:${'AB'.repeat(20)}`, who: 'cache', at: NOW, falls: [0] }],
  disk: {
    unregistered: [
      { name: 'left', size: undefined },
      { name: 'more', size: 12 },
    ],
    differing: [{ path: 0, registered: DIGEST, found: 'cd'.repeat(32) }],
    missing: [1],
    isCut: false,
  },
  unjudged: 3,
}

/** Places in lists that an audit may have, so that a reader may take them without a look. */
function assertPlaces({ paths, keys, groups, principals, exemptions, weakest }: Audit): void {
  for (const path of paths) {
    for (const place of [...path.references, ...path.inputs, path.derivation ?? 0]) assert.ok(paths[place])
    for (const { key } of path.claims) assert.ok(keys[key])
    assert.ok(path.group === undefined || groups[path.group])
    assert.ok(path.exemption === undefined || exemptions[path.exemption])
  }
  for (const { principal } of keys) assert.ok(principal === undefined || principals[principal])
  assert.ok(weakest === undefined || keys[weakest.key])
}

/** What machines of a fleet say of themselves. */
export const AUDITS: readonly Target[] = [
  formatTarget<Audit>({
    name: 'audit',
    seeds: [auditJson(SMALL_AUDIT), auditJson({ ...SMALL_AUDIT, respite: undefined, weakest: undefined })],
    tokens: [
      ...['null', 'true', '0', '1', '2', '-1', '9007199254740991', '[]', '{}', ',', '"'],
      ...['"paths":', '"format":', '"falls":[0]', '"trusted"', '"\\u202e"', PATH, DIGEST],
    ],
    read: parseAudit,
    print: auditJson,
    also: assertPlaces,
  }),
]
