import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { policyDifference } from '../../src/reach/policy-difference.ts'
import { reasonProblem, revocationNix, revocationToml, revokedTarget } from '../../src/reach/revocation.ts'
import { withAppended } from '../../src/setup/change-policy.ts'
import { bookOf, certifiedKeyOf, policyWith } from '../policy/lists/books.ts'
import { identityOf, nixKeyOf, policyOf, sourceOf, withKeys } from '../policy/policies.ts'

const DATE = Date.UTC(2026, 10, 30, 5, 1) / 1000
const DOLLAR = '$'
const NAMES = [
  'alice',
  'O"Brien',
  'a\\b',
  'x\u001b[31m',
  `${DOLLAR}{builtins.abort 1}`,
  '[default]',
  'é',
  'zoe',
]
/** A policy with these principals, of which the first and last are a group. */
function textWith(names: readonly string[]): string {
  return `version = 1
mode = "enforce"
${names.map(name => `[principals.${JSON.stringify(name)}]\nkeys = ["KEY(k${NAMES.indexOf(name)})"]\n`).join('')}
[groups.team]
members = ["alice", ${JSON.stringify(names.at(-1))}]
threshold = 1
[default]
require = { source = "team", derivation = "nothing", output = "self" }

# The end.
`
}

/** The names that a policy takes. */
function namesTaken(): readonly string[] {
  return NAMES.filter(name => {
    try {
      return (
        policyOf(textWith(['alice', 'zoe', name].filter((one, at, all) => all.indexOf(one) === at))) !==
        undefined
      )
    } catch {
      return false
    }
  })
}

test('whatever a principal or key is called, the entry revokes exactly that and changes nothing else', () => {
  const names = namesTaken()
  assert.ok(names.length >= 2, names.join())
  const policy = policyOf(textWith(names))
  for (const [text, keys] of [
    ...names.map(name => [name, [identityOf(`k${NAMES.indexOf(name)}`)]] as const),
    [nixKeyOf('k0'), [identityOf('k0')]] as const,
    [identityOf('k0'), [identityOf('k0')]] as const,
  ]) {
    const target = revokedTarget(policy, text)
    if ('problem' in target) throw new Error(target.problem)
    assert.deepEqual([...target.keys], keys)
    assert.match(target.words, /^[^\u0000-\u001f]+$/)
    for (const reason of ['stolen', 'a "b" \\ c', `${DOLLAR}{x} [[exemptions]] # é`]) {
      const toml = revocationToml({ target, date: DATE, reason })
      const before = withKeys(textWith(names))
      const source = sourceOf(withAppended(before, toml))
      const after = parsePolicy(source)
      const [revocation] = after.revocations
      assert.deepEqual([revocation?.from, revocation?.reason], [DATE, reason])
      assert.ok(source.toml.startsWith(before.trimEnd()))
      const changed = policyDifference(policy, after)
      assert.deepEqual(
        changed.map(({ part, before: was }) => [part, was]),
        [['revocations', undefined]],
      )
    }
  }
})

test('in Nix a reason cannot begin an expression', () => {
  const target = revokedTarget(policyOf(textWith(['alice', 'zoe'])), 'alice')
  if ('problem' in target) throw new Error(target.problem)
  const nix = revocationNix({ target, date: DATE, reason: `see ${DOLLAR}{builtins.readFile /etc/shadow}` })
  assert.doesNotMatch(nix, /(?<!\\)\$\{/)
})

test('what is not known, a group and a bad reason are told', () => {
  const policy = policyOf(textWith(['alice', 'zoe']))
  const told = (text: string) => {
    const target = revokedTarget(policy, text)
    return 'problem' in target ? target.problem : 'none'
  }
  assert.match(told('team'), /team is a group: revoke its members one by one \(alice, zoe\)/)
  assert.match(told('mallory'), /mallory is neither a principal of the policy nor a key or fingerprint/)
  assert.match(told(nixKeyOf('other')), /no principal of the policy has the key/)
  assert.match(told('0123456789abcdef0123456789abcdef01234567'), /no principal of the policy has the key/)
  assert.match(told('x\u001b[2J'), /^[ -~]+$/)
  assert.equal(reasonProblem('stolen'), undefined)
  for (const reason of ['', 'two\nlines', ' spaced', '\u202e', 'x'.repeat(501), '\ud800'])
    assert.notEqual(reasonProblem(reason), undefined, JSON.stringify(reason))
})

test('a difference is told even where labels, lists and comments hide it', () => {
  const many = Array.from({ length: 40 }, (_, index) => `m${index}`)
  const text = (last: string, more = '') => `version = 1
mode = "enforce"
${more}${many.map(name => `[principals.${name}]\nkeys = ["KEY(${name === 'm39' ? last : name})"]\n`).join('')}
[groups.team]
members = [${many.map(name => `"${name}"`).join(', ')}]
threshold = 2
[default]
require = { source = "team", derivation = "nothing", output = "self" }
`
  const before = policyOf(text('m39'))
  assert.deepEqual(policyDifference(before, policyOf(text('m39', '# a comment\n'))), [])
  const found = policyDifference(before, policyOf(text('other')))
  assert.deepEqual(
    found.map(({ part }) => part),
    ['principals', 'principals'],
  )
  const gate = policyDifference(before, policyOf(text('m39', '[store]\nsources = "attested"\n')))
  assert.deepEqual(
    gate.map(({ part }) => part),
    ['settings'],
  )
  const graph = policyDifference(before, policyOf(`${text('m39')}accept-graph = true\n`))
  assert.deepEqual(
    graph.map(({ part }) => part),
    ['rules', 'rules'],
  )
})

test('people and keys of lists are revoked by their names and keys, and whoever is not in a list is told', () => {
  const toml = textWith(['alice', 'zoe']).replace(
    '[groups.team]',
    '[lists.debian]\nurl = "https://lists.example.org/debian"\nroles = ["developer"]\n[groups.team]',
  )
  const said = {
    principals: { 'debian/x': ['listed', 'k0'], 'debian/pgp': [certifiedKeyOf('pgp', ['pgp'])] },
    groups: { 'debian/all': { members: ['debian/x', 'debian/pgp'], threshold: 1 } },
  }
  const policy = policyWith(toml, { debian: bookOf(said) })
  const target = (text: string) => revokedTarget(policy, text)
  const wordsOf = (text: string) => {
    const found = target(text)
    return 'problem' in found ? found.problem : `${found.field} ${found.words}`
  }
  assert.equal(wordsOf('debian/x'), 'principal = "debian/x" all keys of debian/x')
  const person = target('debian/x')
  assert.deepEqual('keys' in person && [...person.keys], [identityOf('listed'), identityOf('k0')])
  assert.match(wordsOf(nixKeyOf('listed')), /^key = "listed:.*" the key .* of debian\/x$/)
  // A key that the user's own entry has as well is named with both.
  assert.match(wordsOf(identityOf('k0')), /the key k0 of alice, debian\/x$/)
  const fingerprint = Buffer.from('pgp'.padEnd(20)).toString('hex').toUpperCase()
  assert.match(wordsOf(fingerprint), new RegExp(`^openpgp = "${fingerprint}" the key .* of debian/pgp$`))
  assert.equal(wordsOf('debian/y'), 'the list debian has nobody called debian/y')
  assert.match(wordsOf('debian/all'), /is a group: revoke its members one by one \(debian\/x, debian\/pgp\)/)
  assert.match(wordsOf(nixKeyOf('nobody')), /^no principal of the policy or of its lists has the key/)
  assert.match(wordsOf('gentoo/x'), /is neither a principal/)
  const missing = policyWith(toml, {})
  const found = revokedTarget(missing, 'debian/x')
  // In an emergency: it takes effect once the list is here.
  assert.match('words' in found ? found.words : '', /who is not known here \(never updated\)/)
  // What is written is taken by the policy.
  for (const text of ['debian/x', nixKeyOf('listed'), fingerprint]) {
    const one = target(text)
    if ('problem' in one) throw new Error(one.problem)
    const more = revocationToml({ target: one, date: DATE, reason: 'lost' })
    assert.equal(policyWith(withAppended(toml, more), { debian: bookOf(said) }).revocations.length, 1)
  }
})
