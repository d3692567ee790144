import { strict as assert } from 'node:assert'
import type { Kept } from '../../src/audit/packed.ts'
import { parseDocument, parseKept, printDocument, printKept } from '../../src/audit/parse-kept.ts'
import { isStorePath } from '../../src/formats/nix/store-path.ts'
import { DERIVATION, NAR_HASH, NOW, OTHER_PATH, PATH } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const SIGNED = `hydra-1:${'A'.repeat(86)}==`
const KEY = `ed25519:${'ab'.repeat(32)}`

/** One of everything that an audit keeps. */
export const SMALL_KEPT: Kept = {
  time: NOW,
  change: NOW + 60,
  basis: { version: '0.1.0', policy: NAR_HASH, own: KEY },
  database: '1:2:3:4 none none',
  names: ['hydra-1'],
  isWhole: true,
  valid: [OTHER_PATH],
  infos: [
    {
      path: PATH,
      narHash: NAR_HASH,
      narSize: 120,
      references: [PATH, OTHER_PATH],
      registrationTime: NOW,
      isContentAddressed: true,
      signatures: SIGNED,
    },
  ],
  judged: [
    [
      PATH,
      {
        kind: 'output',
        stamp: '1:2:3:4:5',
        entry: '6:7',
        narHash: NAR_HASH,
        builtHere: true,
        derivation: DERIVATION,
        inputs: [OTHER_PATH],
        signatures: SIGNED,
        files: '0:12:1700000000000000000',
        standing: {
          outcome: 'trusted',
          rule: 'default',
          basis: 'claims',
          exemption: 12,
          claims: [{ key: KEY, role: 'builder', origin: 'a cache', graph: DERIVATION, holders: ['hydra'] }],
          critical: { keys: [KEY], principals: ['hydra'] },
          until: NOW + 5,
        },
      },
    ],
  ],
  keys: [[KEY, { label: 'hydra-1', principal: 'hydra', until: NOW, isRevoked: false }]],
}

const TOKENS = [
  ...['null', 'true', '0', '1', '-1', '9007199254740993', '[]', '{}', '"__proto__":1,', '"trusted"'],
  ...['"paths":', '"standings":', '"judged":', '"builder"', '"output"', PATH, NAR_HASH],
]

function assertFormed({ infos, valid, judged, time }: Kept): void {
  assert.ok(Number.isSafeInteger(time) && time >= 0)
  for (const { path, narHash, narSize, references } of infos) {
    assert.ok([path, ...references].every(isStorePath) && /^[0-9a-f]{64}$/.test(narHash))
    assert.ok(Number.isSafeInteger(narSize) && narSize >= 0)
  }
  assert.ok(valid.every(isStorePath))
  for (const [path, { stamp, entry, standing }] of judged) {
    assert.ok(isStorePath(path) && stamp !== undefined && entry !== undefined)
    assert.ok(standing.outcome === 'trusted' && Array.isArray(standing.claims))
  }
}

/** What an audit left to the next. */
export const KEPT_AUDITS: readonly Target[] = [
  formatTarget<Kept>({
    name: 'kept audit',
    seeds: [printKept(SMALL_KEPT)],
    tokens: TOKENS,
    read: parseKept,
    also: assertFormed,
  }),
  formatTarget<Kept>({
    name: 'kept audit: its document',
    seeds: [printDocument(SMALL_KEPT)],
    tokens: TOKENS,
    read: parseDocument,
    also: assertFormed,
  }),
]
