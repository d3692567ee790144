// Where the results of an audit are shown: at lines of a policy and of a lock that are real ones.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import { auditSarif } from '../../src/cli/audit-sarif.ts'
import { policyOf } from '../policy/policies.ts'
import { randomAudit } from '../support/audits/random.ts'
import { flakeLock } from '../support/lock-world.ts'

const REVISION = 'c'.repeat(40)
const TOML = `version = 1
mode = "enforce"

[[rules]]
match.name = "hello-*"
require.source = "nothing"

[default]
require = { source = "nothing", derivation = "nothing", output = "nothing" }
`

/** Refused at the default rule; its derivation comes from a commit. */
function audit(): Audit {
  const whole = randomAudit(1, { paths: 12 })
  const path = whole.paths[0]
  assert.ok(path)
  const refused = { ...path, outcome: 'untrusted', rule: 'default', group: 0, because: undefined } as const
  return {
    ...whole,
    paths: [refused],
    groups: [{ code: 'unsigned-output', title: 'outputs', next: 'have them signed', paths: [0] }],
    expressions: [
      {
        url: 'https://example.org/lib',
        revision: REVISION,
        signers: [],
        committers: [],
        reviewers: [],
        claims: [],
        covers: [0],
      },
    ],
    policy: { ...whole.policy, file: '/etc/nixsig/policy.toml' },
    exemptions: [],
    disk: { unregistered: [], differing: [], missing: [], isCut: false },
  }
}

function placeIn(sarif: string): { readonly uri: string; readonly line: number } {
  const [{ locations }] = JSON.parse(sarif).runs[0].results
  const { artifactLocation, region } = locations[0].physicalLocation
  return { uri: artifactLocation.uri, line: region.startLine }
}

test('a result is at the line of its rule, in the file that is named', () => {
  const policy = policyOf(TOML)
  const places = { 'sarif-policy': 'machines/policy.toml', 'sarif-lock': undefined }
  assert.deepEqual(placeIn(auditSarif(audit(), { policy, places })), { uri: 'machines/policy.toml', line: 8 })
  const none = { ...places, 'sarif-policy': undefined }
  assert.equal(placeIn(auditSarif(audit(), { policy, places: none })).uri, 'etc/nixsig/policy.toml')
})

test('what comes from a commit in the lock is at the line of its input; a lock that cannot be read is said', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-audit-sarif-'))
  try {
    const policy = policyOf(TOML)
    const lock = join(directory, 'flake.lock')
    const text = flakeLock({
      lib: {
        type: 'git',
        url: 'https://example.org/lib',
        rev: REVISION,
        narHash: `sha256-${'A'.repeat(43)}=`,
      },
    })
    writeFileSync(lock, text)
    const places = { 'sarif-policy': 'policy.toml', 'sarif-lock': lock }
    const { uri, line } = placeIn(auditSarif(audit(), { policy, places }))
    assert.equal(uri, lock.slice(1))
    assert.match(text.split('\n')[line - 1] ?? '', /"lib": \{/)
    writeFileSync(lock, '{}')
    assert.throws(() => auditSarif(audit(), { policy, places }), /--sarif-lock .*flake\.lock: .*nodes/)
    rmSync(lock)
    assert.throws(() => auditSarif(audit(), { policy, places }), /--sarif-lock .*flake\.lock: no such file/)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
