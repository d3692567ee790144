// No report of an audit shows a secret that stands in a URL, wherever that came from.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditJson } from '../../src/audit/json.ts'
import { openKeyRegistry } from '../../src/audit/key-registry.ts'
import type { Member, Standing } from '../../src/audit/member.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { cycloneDxOf } from '../../src/report/cyclonedx.ts'
import { pageData } from '../../src/report/page-data.ts'
import { sarifOf } from '../../src/report/sarif.ts'
import { spdxOf } from '../../src/report/spdx.ts'
import { auditOfMembers } from '../support/audits/of-members.ts'

const NOW = Date.UTC(2027, 0, 1) / 1000
const HASH = 'ab'.repeat(32)
const KEY = `ed25519:${HASH}`
const URL = 'https://ann:S3CR3T@example.org/x?v=1&X-Amz-Signature=S3CR3T'
const SHOWN = 'https://example.org/x?v=1&X-Amz-Signature=REDACTED'

const POLICY = parsePolicy({
  toml: `version = 1
mode = "enforce"
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
`,
  file: 'policy.toml',
  directory: '/',
  certificate: () => Buffer.alloc(0),
})

function member(name: string, standing: Standing): Member {
  const path = `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`
  const info = { path, narHash: HASH, narSize: 1, references: [], registrationTime: 1 }
  return {
    path,
    info: { ...info, isContentAddressed: false, signatures: '' },
    letIn: false,
    kind: 'fetched-source',
    stamp: '1:2:3:4:5',
    entry: undefined,
    narHash: HASH,
    builtHere: false,
    derivation: undefined,
    inputs: undefined,
    signatures: '',
    files: '',
    standing,
  }
}

const signed = member('signed', {
  outcome: 'trusted',
  rule: 'default',
  basis: 'claims',
  exemption: undefined,
  claims: [{ key: KEY, role: 'developer', origin: URL, graph: undefined, holders: [] }],
  critical: { keys: [], principals: [] },
  until: undefined,
})
const unread = member('unread', {
  outcome: 'refused',
  refusal: {
    outcome: 'indeterminate',
    path: '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-unread',
    kind: 'fetched-source',
    ground: { kind: 'rule', title: 'default' },
    findings: [{ code: 'unreadable', trouble: { origin: URL, detail: `it is not at ${URL}` } }],
    strays: [],
  },
})

test('attack: a URL with a password and a secret parameter is in no report as it was', () => {
  const registry = openKeyRegistry(POLICY, NOW)
  registry.keys.set(KEY, { label: 'ann-1', principal: undefined, until: undefined, isRevoked: false })
  const audit = auditOfMembers([signed, unread], registry, [
    {
      url: URL,
      revision: 'c'.repeat(40),
      signers: [],
      committers: [],
      reviewers: [],
      approvers: [],
      covers: [],
    },
  ])
  assert.equal(audit.expressions[0]?.url, SHOWN)
  assert.equal(audit.paths[0]?.claims[0]?.origin, SHOWN)
  assert.ok(audit.paths[1]?.message?.includes(SHOWN), audit.paths[1]?.message)
  const fetched = { url: URL, sha256: HASH }
  const recorded = [{ contentAddress: undefined, signatures: [], fetched }, undefined]
  for (const text of [
    auditJson(audit),
    JSON.stringify(pageData(audit)),
    cycloneDxOf(audit, recorded),
    spdxOf(audit),
    sarifOf(audit, { policy: 'policy.toml', rules: new Map() }),
  ])
    assert.ok(!text.includes('S3CR3T'), text)
})
