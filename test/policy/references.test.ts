// docs/semantics.md, G13: whose claim about a path's references counts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../../src/policy/judge.ts'
import { wordOnReferences } from '../../src/policy/references.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import { builtBy, claimBy, evidenceOf, NOW, OUTPUT, policyOf } from './policies.ts'

const [DEP, LIB] = ['dep', 'lib'].map(
  (name, index) => `/nix/store/${index}c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-${name}`,
) as [string, string]

const policyWith = (requirement: string, more = '') =>
  policyOf(`
version = 1
mode = "enforce"
[principals]
alice.keys = ["KEY(alice-1)"]
bob.keys = ["KEY(bob-1)"]
carol.keys = [{ key = "KEY(carol-1)", valid-until = 2030-01-01 }]
gone.keys = [{ key = "KEY(gone-1)", valid-until = 2020-01-01 }]
[groups]
two = { members = ["alice", "bob", "carol"], threshold = 2 }
any = { members = ["alice", "bob", "self"], threshold = 1 }
[default]
require = { source = "refuse", derivation = "refuse", output = "${requirement}" }
accept-unknown-derivation = true
${more}`)

const built = (key: string, references?: readonly string[]): Claim => ({
  ...builtBy(key),
  ...(references && { references }),
})

function word(policy: ReturnType<typeof policyOf>, claims: readonly Claim[], subject: Subject = OUTPUT) {
  const verdict = judge(policy, subject, evidenceOf(claims), NOW)
  assert.ok(verdict.outcome === 'trusted', JSON.stringify(verdict))
  const found = wordOnReferences(policy, verdict, claims, [DEP], NOW)
  return found.kind === 'contradicted' ? `${found.kind} by ${found.who}` : found.kind
}

test('one builder is enough if one is enough for the contents', () => {
  const policy = policyWith('any')
  assert.equal(word(policy, [built('alice-1', [DEP])]), 'vouched')
  assert.equal(word(policy, [built('alice-1')]), 'silent')
  assert.equal(word(policy, [built('alice-1'), built('bob-1', [DEP])]), 'vouched')
})

test('attack: one of two required builders does not decide about the references alone', () => {
  const policy = policyWith('two')
  assert.equal(word(policy, [built('alice-1', [DEP]), built('bob-1')]), 'silent')
  assert.equal(word(policy, [built('alice-1', [DEP]), built('bob-1', [DEP])]), 'vouched')
})

test('attack: a claim by a key that is not valid or not listed, or about other contents, does not count', () => {
  const policy = policyWith('any')
  for (const claim of [
    built('gone-1', [DEP]),
    built('mallory-1', [DEP]),
    { ...built('bob-1', [DEP]), path: `${OUTPUT.path}x` },
    { ...claimBy('bob-1', { role: 'packager' }), references: [DEP] },
  ]) {
    assert.equal(word(policy, [built('alice-1'), claim]), 'silent', claim.key)
  }
})

test('a listed builder who signed other references contradicts, even if the requirement does not name them', () => {
  const policy = policyWith('any')
  for (const references of [[], [LIB], [DEP, LIB]]) {
    const claims = [built('alice-1', [DEP]), built('carol-1', references)]
    assert.equal(word(policy, claims), 'contradicted by carol')
  }
})

test('attack: that this machine built the contents proves nothing about references', () => {
  const here = { ...OUTPUT, builtHere: true }
  assert.equal(word(policyWith('any'), [], here), 'silent')
  assert.equal(word(policyWith('self'), [built('alice-1', [DEP])], here), 'silent')
})

test('where nothing is required, or the path is exempt, one listed principal is enough', () => {
  const exempt = policyWith(
    'refuse',
    `[[exemptions]]\nname = "*"\nkind = ["output"]\nreason = "x"\nuntil = 2099-01-01\n`,
  )
  for (const policy of [policyWith('nothing'), exempt]) {
    assert.equal(word(policy, []), 'silent')
    assert.equal(word(policy, [built('mallory-1', [DEP])]), 'silent')
    assert.equal(word(policy, [built('carol-1', [DEP])]), 'vouched')
    assert.equal(word(policy, [built('carol-1', [])]), 'contradicted by carol')
  }
})

test('the claims stop counting with the first key that expires', () => {
  const policy = policyWith('nothing')
  const claims = [built('alice-1', [DEP]), built('carol-1', [DEP])]
  const verdict = judge(policy, OUTPUT, evidenceOf(claims), NOW)
  assert.ok(verdict.outcome === 'trusted')
  assert.equal(verdict.until, undefined)
  const found = wordOnReferences(policy, verdict, claims, [DEP], NOW)
  assert.deepEqual(found, { kind: 'vouched', until: Date.UTC(2030, 0) / 1000 })
})
