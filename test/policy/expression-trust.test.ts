import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expressionTrust } from '../../src/policy/expression-trust.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { signer } from '../support/trust.ts'
import { bookOf, policyWith } from './lists/books.ts'

const [alice, bob] = [signer('alice'), signer('bob')]

interface Parts {
  readonly key?: string
  readonly threshold?: number
  readonly url?: string
  readonly more?: string
  readonly rest?: string
  readonly certificate?: string
}

function trust({
  key = alice.publicKey,
  threshold = 1,
  url = 'https://*',
  more = '',
  rest = '',
  certificate = 'one',
}: Parts = {}): string {
  const toml = `version = 1
mode = "enforce"
${more}[principals.alice]
keys = ["${key}"]
[principals.bob]
keys = ["${bob.publicKey}"]
[groups]
both = { members = ["alice", "bob"], threshold = ${threshold} }
[[inputs]]
url = "${url}"
require = "both"
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
${rest}`
  const bytes = () => Buffer.from(certificate)
  const policy = parsePolicy({ toml, file: 'policy.toml', directory: '/etc/nixsig', certificate: bytes })
  return expressionTrust({ ...policy, certificates: ['/etc/nixsig/alice.asc'] }, bytes)
}

test('what a verdict on expressions depends on is told apart', () => {
  const revoked = '[[revocations]]\nprincipal = "bob"\ndate = 2020-01-01\n'
  const changed: readonly Parts[] = [
    {},
    { key: signer('alice').publicKey },
    { threshold: 2 },
    { url: 'https://example.org/*' },
    { rest: revoked },
    { certificate: 'two' },
  ]
  const seen = changed.map(trust)
  assert.equal(new Set(seen).size, changed.length)
  assert.equal(trust(), seen[0])
})

test('rules and exemptions for store paths, and where something stands, make no difference', () => {
  const rule = '[[rules]]\nmatch = { name = "x" }\nrequire.output = "self"\n'
  const exemption = '[[exemptions]]\nname = "x"\nreason = "a test"\nuntil = 2099-01-01\n'
  for (const parts of [{ rest: rule }, { rest: exemption }, { more: '\n# a remark\n\n' }]) {
    assert.equal(trust(parts), trust())
  }
})

test('a list makes a difference, and what it says, only where it may speak about expressions', () => {
  const trustOf = (roles: string, digest: string, updates = 'ask') =>
    expressionTrust(
      policyWith(
        `version = 1
mode = "enforce"
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["${roles}"]
updates = "${updates}"
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
`,
        { debian: { ...bookOf({ principals: {} }), digest } },
      ),
      () => assert.fail('no certificates'),
    )
  for (const role of ['committer', 'reviewer']) {
    assert.notEqual(trustOf(role, 'one'), trustOf(role, 'two'), role)
    assert.equal(trustOf(role, 'one'), trustOf(role, 'one', 'auto'), role)
  }
  assert.notEqual(trustOf('committer', 'one'), trustOf('reviewer', 'one'))
  for (const role of ['developer', 'packager', 'builder', 'approver'])
    assert.equal(trustOf(role, 'one'), trustOf(role, 'two'), role)
  assert.notEqual(trustOf('developer', 'one'), trustOf('committer', 'one'))
})
