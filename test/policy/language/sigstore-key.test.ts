import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import { policyOf, sourceOf } from '../policies.ts'

const ISSUER = 'https://accounts.example.org'

function toml(key: string, more = ''): string {
  return `
version = 1
mode = "enforce"
[principals.alice]
keys = [${key}]
[default]
require = { source = "alice", derivation = "nothing", output = "self" }
${more}`
}

function written(subject: string, issuer = ISSUER, rest = ''): string {
  return `{ sigstore = { subject = '${subject}', issuer = "${issuer}" }, trusted-root = "keys/root.json"${rest} }`
}

function keyOf(policy: Policy) {
  const key = policy.principals.get('alice')?.keys[0]
  assert.ok(key?.kind === 'sigstore')
  return key
}

function problemsOf(text: string, certificate = sourceOf('').certificate): readonly string[] {
  try {
    parsePolicy({ ...sourceOf(text), certificate })
  } catch (error) {
    assert.ok(error instanceof PolicyError)
    return error.problems.map(({ message }) => message)
  }
  assert.fail('the policy was accepted')
}

test('an identity is the whole subject together with its issuer', () => {
  const key = keyOf(policyOf(toml(written('alice@example.org', ISSUER, ', valid-until = 2027-01-01'))))
  assert.deepEqual(key, {
    kind: 'sigstore',
    identity: `sigstore:${createHash('sha256').update(`${ISSUER}\nalice@example.org`).digest('hex')}`,
    label: 'alice@example.org',
    subject: 'alice@example.org',
    issuer: ISSUER,
    trustedRoot: '/etc/nixsig/keys/root.json',
    validUntil: Date.UTC(2027, 0, 1) / 1000,
  })
})

test('names have no wildcards', () => {
  for (const subject of ['*@example.org', '.*', '^alice@example\\.org$', 'https://example.org/[a-z]+?']) {
    assert.equal(keyOf(policyOf(toml(written(subject)))).subject, subject)
  }
})

test('the trusted root is part of the policy', () => {
  const text = toml(written('alice@example.org'))
  const policy = policyOf(text)
  assert.deepEqual(policy.certificates, ['/etc/nixsig/keys/root.json'])
  const source = sourceOf(text)
  const other = parsePolicy({ ...source, certificate: path => Buffer.from(`${source.certificate(path)}\n`) })
  assert.notEqual(other.digest, policy.digest)
})

test('one subject with two issuers is two identities, and listing one twice is an error', () => {
  const one = written('alice@example.org')
  assert.equal(
    policyOf(toml(`${one}, ${written('alice@example.org', 'https://other.org')}`)).principals.size,
    1,
  )
  assert.match(problemsOf(toml(`${one}, ${one}`)).join(), /is the same key as one of alice/)
})

test('an identity can be revoked', () => {
  const revoked = (subject: string) =>
    toml(
      written('alice@example.org'),
      `[[revocations]]\nsigstore = { subject = "${subject}", issuer = "${ISSUER}" }\ndate = 2026-05-01\n`,
    )
  const policy = policyOf(revoked('alice@example.org'))
  assert.deepEqual(policy.revocations[0]?.target, { key: keyOf(policy).identity })
  assert.match(problemsOf(revoked('bob@example.org')).join(), /no principal has this key/)
})

test('absent or unknown fields and malformed identities are errors', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [`{ sigstore = { subject = "a", issuer = "${ISSUER}" } }`, /field "trusted-root" is missing/],
    ['{ sigstore = { subject = "a" }, trusted-root = "r.json" }', /field "issuer" is missing/],
    [`{ sigstore = { issuer = "${ISSUER}" }, trusted-root = "r.json" }`, /field "subject" is missing/],
    ['{ sigstore = "a@b.org", trusted-root = "r.json" }', /must be a table/],
    [written('alice@example.org', 'accounts.example.org'), /must be a URL/],
    [written('alice@example.org', ISSUER, ', trusted_root = "x"'), /unknown field/],
    [written(' alice@example.org'), /begins or ends with a space/],
    [written('alice\u200b@example.org'), /control or invisible characters/],
    [written('alice@example.org').replace('issuer =', 'pattern = ".*", issuer ='), /unknown field/],
  ]
  for (const [key, problem] of cases) assert.match(problemsOf(toml(key)).join('\n'), problem, key)
})

test('a file that is not a trusted root is an error of the policy, on its line', () => {
  const text = toml(written('alice@example.org'))
  for (const [bytes, problem] of [
    ['-----BEGIN PGP PUBLIC KEY BLOCK-----', /keys\[1\]\.trusted-root: JSON: expected a value/],
    ['{"mediaType":"x","mediaType":"x"}', /key "mediaType" is repeated/],
    ['{}', /trusted root: field "mediaType" is missing/],
  ] as const) {
    assert.match(problemsOf(text, () => Buffer.from(bytes)).join(), problem)
  }
})
