import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePolicy } from '../../../src/policy/describe.ts'
import { judge } from '../../../src/policy/judge.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import type { Policy, Role } from '../../../src/policy/policy.ts'
import type { Claim, Subject } from '../../../src/policy/verdict.ts'
import { policyOf } from '../policies.ts'

const withInputs = (rest: string) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
principals.bob.keys = ["KEY(bob-1)"]
groups.team = { members = ["alice", "bob"], threshold = 2 }
groups.approvers = { members = ["alice", "self"], threshold = 1 }
default.require = { source = "alice", derivation = "alice", output = "alice" }
${rest}`

const URL = 'https://git.example.org/infra/hosts'
const [COMMIT, TREE] = ['1'.repeat(40), 'a'.repeat(64)]
const commit: Subject = { path: COMMIT, name: URL, kind: 'expression', narHash: TREE, builtHere: false }

function claimOf(policy: Policy, who: string, role: Role, about: Subject = commit): Claim {
  const key = policy.principals.get(who)?.keys[0]?.identity ?? ''
  return { key, role, path: about.path, narHash: about.narHash, origin: 'a test' }
}

function codesOf(policy: Policy, claims: readonly Claim[], subject: Subject = commit): readonly string[] {
  const verdict = judge(policy, subject, { claims, strays: [], troubles: [] }, 0)
  return verdict.outcome === 'trusted' ? [] : verdict.findings.map(({ code }) => code)
}

test('the first rule whose glob matches the whole URL decides who must have signed a commit', () => {
  const policy = policyOf(
    withInputs(`
[[inputs]]
url = "https://git.example.org/infra/*"
require = "team"
[[inputs]]
url = "https://*"
require = "nothing"`),
  )
  const [alice, bob] = ['alice', 'bob'].map(who => claimOf(policy, who, 'committer'))
  assert.ok(alice && bob)
  assert.deepEqual(codesOf(policy, []), ['unsigned'])
  assert.deepEqual(codesOf(policy, [alice, alice]), ['threshold'])
  assert.deepEqual(codesOf(policy, [alice, bob]), [])
  assert.deepEqual(codesOf(policy, [alice, claimOf(policy, 'bob', 'reviewer')]), [])
  assert.deepEqual(codesOf(policy, [], { ...commit, name: 'https://example.net/x' }), [])
  assert.match(describePolicy(policy), /a commit of https:.*infra.* needs team/)
})

test('a repository that no rule matches is refused, whoever signed', () => {
  const policy = policyOf(withInputs(''))
  const claims = ['alice', 'bob'].map(who => claimOf(policy, who, 'committer'))
  assert.deepEqual(codesOf(policy, claims), ['no-input-rule'])
})

test('a signature on another tree does not count for a commit', () => {
  const policy = policyOf(withInputs('[[inputs]]\nurl = "*"\nrequire = "alice"'))
  const other = { ...claimOf(policy, 'alice', 'committer'), narHash: 'b'.repeat(64) }
  assert.deepEqual(codesOf(policy, [other]), ['wrong-digest', 'unsigned'])
})

test('a packager, builder or developer is no committer', () => {
  const policy = policyOf(withInputs('[[inputs]]\nurl = "*"\nrequire = "alice"'))
  for (const role of ['packager', 'builder', 'developer', 'approver'] as const) {
    assert.deepEqual(codesOf(policy, [claimOf(policy, 'alice', role)]), ['unsigned'], role)
  }
})

const drv: Subject = {
  path: `/nix/store/${'0'.repeat(32)}-x.drv`,
  name: 'x',
  kind: 'derivation',
  narHash: TREE,
  builtHere: false,
}
const APPROVED = '[approvals]\nby = "approvers"\n[[rules]]\nmatch.kind = "derivation"\n'

test('S18: an approval counts where "approved" is required, and nowhere else', () => {
  const asked = policyOf(withInputs(`${APPROVED}require.derivation = "approved"`))
  assert.deepEqual(codesOf(asked, [claimOf(asked, 'alice', 'approver', drv)], drv), [])
  assert.deepEqual(codesOf(asked, [claimOf(asked, 'alice', 'packager', drv)], drv), ['unsigned'])
  const notAsked = policyOf(withInputs(''))
  assert.deepEqual(codesOf(notAsked, [claimOf(notAsked, 'alice', 'approver', drv)], drv), ['unsigned'])
})

test('S10: self approves what root approved here, and no other derivation', () => {
  const policy = policyOf(withInputs(`${APPROVED}require.derivation = "approved"`))
  assert.deepEqual(codesOf(policy, [], { ...drv, approvedHere: true }), [])
  assert.deepEqual(codesOf(policy, [], { ...drv, builtHere: true }), ['unsigned'])
})

const WRONG: Readonly<Record<string, readonly [text: string, reason: RegExp]>> = {
  'a rule without a URL': ['[[inputs]]\nrequire = "team"', /field "url" is missing/],
  'a rule without a requirement': ['[[inputs]]\nurl = "*"', /field "require" is missing/],
  'a name in place of a URL': ['[[inputs]]\nurl = "nixpkgs"\nrequire = "team"', /must be a glob for URLs/],
  'a URL with white space': ['[[inputs]]\nurl = "https://a b"\nrequire = "team"', /must be a glob for URLs/],
  'a rule behind one that matches all': [
    '[[inputs]]\nurl = "*"\nrequire = "team"\n[[inputs]]\nurl = "https://x"\nrequire = "nothing"',
    /never decides/,
  ],
  'self as a committer': ['[[inputs]]\nurl = "*"\nrequire = "self"', /"self" vouches for/],
  'a role that commits do not have': [
    '[[inputs]]\nurl = "*"\nrequire.packager = "alice"',
    /unknown field, known are: committer, reviewer/,
  ],
  'approvals that nobody gives': [
    '[[rules]]\nmatch.kind = "derivation"\nrequire.derivation = "approved"',
    /"approved" needs \[approvals\]/,
  ],
  'approved outputs': [
    '[approvals]\nby = "team"\n[[rules]]\nmatch.kind = "output"\nrequire.output = "approved"',
    /"approved" (?:must stand alone|is neither)/,
  ],
  'self in a role that it does not have': [
    '[[rules]]\nmatch.kind = "derivation"\nrequire.derivation.packager = "approvers"\n[groups.me]\nmembers = ["self"]\nthreshold = 1\n[[rules]]\nmatch.kind = "derivation"\nrequire.derivation = "me"',
    /cannot be met without "self"/,
  ],
  'a principal called approved': ['principals.approved.keys = ["KEY(x-1)"]', /approved/],
}

for (const [what, [text, reason]] of Object.entries(WRONG)) {
  test(`attack: a policy with ${what} is refused`, () => {
    assert.throws(
      () => policyOf(withInputs(text)),
      (error: unknown) => error instanceof PolicyError && reason.test(error.message),
    )
  })
}
