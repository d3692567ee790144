// By which exemption a path passes, and so until when, whatever the policy's lines are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openKeyRegistry } from '../../src/audit/key-registry.ts'
import { type Judging, judgeMember, type Member } from '../../src/audit/member.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { auditOfMembers } from '../support/audits/of-members.ts'

const NOW = Date.UTC(2027, 0, 1) / 1000
const HASH = 'ab'.repeat(32)
const STAMP = '1:2:3:4:5'

const exemption = (name: string, until: string) => `{ name = "${name}", reason = "a test", until = ${until} }`
const POLICY = parsePolicy({
  toml: `version = 1
mode = "enforce"
exemptions = [${exemption('ended', '2026-12-01')}, ${exemption('a-*', '2027-01-20')}, ${exemption('b-*', '2028-01-01')}]
[default]
require.source = "refuse"
require.derivation = "refuse"
require.output = "refuse"
`,
  file: 'policy.toml',
  directory: '/',
  certificate: () => Buffer.alloc(0),
})

const registry = openKeyRegistry(POLICY, NOW)
const judging: Judging = {
  // The ledger and the policy say all.
  inquiry: { places: { state: '/nonexistent' } } as Inquiry,
  policy: POLICY,
  digest: POLICY.digest,
  now: NOW,
  own: undefined,
  registry,
  letIn: new Set(),
  disputed: new Set(),
  later: { filesOf: () => '', claimsAbout: () => undefined },
  end: Number.POSITIVE_INFINITY,
  alike: new Map(),
  isKept: () => false,
  kept: () => undefined,
}

async function judged(name: string): Promise<Member> {
  const path = `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`
  const info = {
    path,
    narHash: HASH,
    narSize: 1,
    references: [],
    registrationTime: 1,
    isContentAddressed: false,
    signatures: '',
  }
  const entry = {
    path,
    narHash: HASH,
    policy: POLICY.digest,
    until: undefined,
    stamp: STAMP,
    kind: 'output',
    builtHere: false,
    derivation: undefined,
    time: NOW,
    rule: 'default',
    claims: [],
    build: undefined,
  } as const
  const member = await judgeMember(judging, path, info, { version: '1:2', entry, stamp: STAMP })
  assert.ok(member)
  return member
}

test('attack: exemptions that are written in one line of the policy are told apart', async () => {
  assert.equal(new Set(POLICY.exemptions.map(({ line }) => line)).size, 1)
  const members = [await judged('a-1'), await judged('b-1'), await judged('b-2')]
  const audit = auditOfMembers(members, registry)
  assert.deepEqual(
    audit.exemptions.map(({ until, paths }) => [new Date(until * 1000).toISOString().slice(0, 10), paths]),
    [
      ['2027-01-20', [0]],
      ['2028-01-01', [1, 2]],
    ],
  )
  assert.deepEqual(
    audit.paths.map(path => path.exemption),
    [0, 1, 1],
  )
  // Only what passes by the one that ends soon falls with it.
  assert.deepEqual(
    audit.ends.map(({ kind, falls }) => [kind, falls]),
    [['exemption', [0]]],
  )
})
