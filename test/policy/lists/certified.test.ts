// A key that an own principal certified and a list has as well: docs/semantics.md, K10.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyCertificates, certifyingKeys, type KeyCertificate } from '../../../src/policy/certified.ts'
import { judge } from '../../../src/policy/judge.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import { policyFor } from '../../../src/policy/lists/policy-for.ts'
import type { Ed25519Key, Policy } from '../../../src/policy/policy.ts'
import { claimBy, evidenceOf, identityOf, NOW, nixKeyOf, OUTPUT } from '../policies.ts'
import { bookOf, DAY, policyWith, type Said } from './books.ts'

const LISTED: Said = { principals: { 'farm/one': ['shared'], 'farm/two': ['two'] } }

/** The output needs whom the policy says, of own principals that certify and a list. */
function policyOf(who: string, said: Said = LISTED, more = ''): Policy {
  return policyWith(
    `version = 1
mode = "enforce"
[principals.own]
keys = [{ key = "KEY(root)", certifies = ["builder"], for-at-most = 90 }]
[principals.other]
keys = [{ key = "KEY(other-root)", certifies = ["builder"], for-at-most = 90 }]
[lists.farm]
url = "https://lists.example.org/farm"
roles = ["builder"]
[groups.either]
members = ["own", "farm/one"]
threshold = 1
[groups.both]
members = ["own", "farm/one"]
threshold = 2
${more}[default]
require = { source = "nothing", derivation = "nothing", output = "${who}" }
accept-unknown-derivation = true
`,
    { farm: bookOf({ ...said, ends: NOW + 100 * DAY }) },
  )
}

function certified(by: string, more: Partial<KeyCertificate> = {}): KeyCertificate {
  return {
    issuer: identityOf(by),
    key: parseKey(nixKeyOf('shared')) as Ed25519Key,
    from: NOW - 10 * DAY,
    until: NOW + 10 * DAY,
    origin: `by ${by}`,
    says: { purpose: 'delegate', roles: ['builder'], names: [] },
    ...more,
  }
}

function outcome(
  policy: Policy,
  certificates: readonly KeyCertificate[],
  keys: readonly string[],
  now = NOW,
) {
  const { policy: extended } = applyCertificates(policy, certificates, now)
  const claims = keys.map(key =>
    claimBy(key, { role: 'builder', path: OUTPUT.path, narHash: OUTPUT.narHash }),
  )
  const verdict = judge(extended, { ...OUTPUT, builtHere: false }, evidenceOf(claims), now)
  return verdict.outcome === 'trusted' ? 'trusted' : verdict.findings.map(({ code }) => code)[0]
}

test('K10: a certified key that a list has counts for both, and both are one person', () => {
  for (const who of ['own', 'farm/one', 'either'])
    assert.equal(outcome(policyOf(who), [certified('root')], ['shared']), 'trusted', who)
  assert.equal(outcome(policyOf('both'), [certified('root')], ['shared']), 'threshold')
  // Nor do two keys of that person fill two seats.
  assert.equal(outcome(policyOf('both'), [certified('root')], ['shared', 'root']), 'threshold')
  assert.equal(outcome(policyOf('both'), [], ['shared', 'root']), 'trusted')
})

test('K10: the end, the names and the dates of a certificate bind no list', () => {
  const later = NOW + 20 * DAY
  for (const [certificate, now] of [
    [certified('root'), later],
    [certified('root', { until: NOW - DAY }), NOW],
    [certified('root', { from: NOW + DAY }), NOW],
    [certified('root', { says: { purpose: 'delegate', roles: ['builder'], names: ['other*'] } }), NOW],
  ] as const) {
    assert.equal(outcome(policyOf('farm/one'), [certificate], ['shared'], now), 'trusted')
    assert.notEqual(outcome(policyOf('own'), [certificate], ['shared'], now), 'trusted')
  }
})

test('K10: a list prolongs no certificate, and widens none', () => {
  const certificate = certified('root')
  assert.equal(outcome(policyOf('own'), [certificate], ['shared'], NOW + 20 * DAY), 'expired')
  assert.equal(outcome(policyOf('own'), [], ['shared']), 'unknown-signer')
})

test('K10: two own principals who certify a key take it from each other, and not from the list', () => {
  const both = [certified('root'), certified('other-root')]
  assert.equal(outcome(policyOf('farm/one'), both, ['shared']), 'trusted')
  for (const who of ['own', 'other']) assert.notEqual(outcome(policyOf(who), both, ['shared']), 'trusted')
})

test('K10: a certifying key that is revoked takes no key from a list; the certified key and the person do', () => {
  const revoked = (target: string) => `[[revocations]]\n${target}\ndate = 2020-01-01\n`
  const of = (who: string, target: string) =>
    outcome(policyOf(who, LISTED, revoked(target)), [certified('root')], ['shared'])
  const root = `key = "${nixKeyOf('root')}"`
  assert.equal(of('farm/one', root), 'trusted')
  assert.equal(of('own', root), 'revoked')
  for (const target of [`key = "${nixKeyOf('shared')}"`, 'principal = "own"']) {
    assert.equal(of('farm/one', target), 'revoked', target)
    assert.equal(of('own', target), 'revoked', target)
  }
  // A list's own revocation is about its own person alone.
  const said = { ...LISTED, revocations: [{ target: { key: identityOf('shared') }, from: 0 }] }
  assert.equal(outcome(policyOf('farm/one', said), [certified('root')], ['shared']), 'revoked')
  assert.equal(outcome(policyOf('own', said), [certified('root')], ['shared']), 'trusted')
})

test('K10: whom a list names by a key that certifies gets no power to certify', () => {
  const policy = policyFor(policyOf('farm/one', { principals: { 'farm/one': ['root'] } }), OUTPUT)
  assert.deepEqual(
    policy.principals.get('farm/one')?.keys.map(({ identity }) => identity),
    [identityOf('root')],
  )
  assert.deepEqual(
    certifyingKeys(policy).map(({ identity }) => identity),
    [identityOf('root'), identityOf('other-root')],
  )
})

test('K10: no list certifies: a key that a listed key signed for is nobody’s', () => {
  assert.equal(outcome(policyOf('farm/two'), [certified('two')], ['shared']), 'unknown-signer')
})
