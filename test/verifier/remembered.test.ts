// What the ledger keeps from a verdict, and how a later policy uses it.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { after, test } from 'node:test'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Claim, Evidence } from '../../src/policy/verdict.ts'
import type { PathInfo } from '../../src/store/store-client.ts'
import { rememberedEvidence } from '../../src/verifier/evidence.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { recordTrust } from '../../src/verifier/record.ts'
import { claimBy, evidenceOf, HASH, NOW, policyOf, SOURCE } from '../policy/policies.ts'

const state = mkdtempSync('/tmp/nixsig-remembered-')
after(() => rmSync(state, { recursive: true, force: true }))

const policyThat = (rule: string) =>
  policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
[default]
require = { source = "alice", derivation = "alice", output = "alice" }
${rule}`)
const ACCEPTING = policyThat('accept-expired-key = "if-signed-before"')
const REFUSING = policyThat('accept-expired-key = "refuse"')

/**
 * Admits the source by these claims under a policy that accepts them. Returns what another policy
 * remembers from that.
 */
async function rememberedOf(claims: readonly Claim[], policy: Policy): Promise<Evidence> {
  const verdict = judge(ACCEPTING, SOURCE, evidenceOf(claims), NOW)
  assert.ok(verdict.outcome === 'trusted')
  const inquiry = {
    snapshot: async () => ACCEPTING,
    policy: async () => policy,
    places: { state } as Inquiry['places'],
    now: NOW,
  }
  const path = parseStorePath(SOURCE.path)
  await recordTrust(inquiry as Partial<Inquiry> as Inquiry, verdict, path, {
    stamp: undefined,
    info: { narHash: HASH, references: [] } as Partial<PathInfo> as PathInfo,
    from: undefined,
  })
  return rememberedEvidence(inquiry, readAdmission(state, path.digest, path.path), SOURCE)
}

test('E5: a claim by a key in good standing is remembered under another policy', async () => {
  const remembered = await rememberedOf([claimBy('alice-1', { role: 'developer', trace: 'nix' })], REFUSING)
  assert.equal(judge(REFUSING, SOURCE, remembered, NOW).outcome, 'trusted')
})

test('E5: a claim without a trace of how it was signed is not remembered', async () => {
  assert.deepEqual(await rememberedOf([claimBy('alice-1', { role: 'developer' })], REFUSING), evidenceOf([]))
})

test('attack: an earlier admission does not bring back an expired key under a policy that no longer accepts it', async () => {
  const expired = { signedAt: Date.UTC(2020, 5) / 1000, at: Date.UTC(2021, 0) / 1000 }
  const remembered = await rememberedOf(
    [claimBy('alice-1', { role: 'developer', trace: 'nix', expired })],
    REFUSING,
  )
  assert.deepEqual(remembered, evidenceOf([]))
  assert.equal(judge(REFUSING, SOURCE, remembered, NOW).outcome, 'untrusted')
})
