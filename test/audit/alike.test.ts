// What the policy is said to say alike of several entries of the ledger, it says of each of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alikeTo, hasAlike } from '../../src/audit/alike.ts'
import { recalledEvidence } from '../../src/evidence/remembered.ts'
import { judgeUnder } from '../../src/policy/judge.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { JudgedAdmission } from '../../src/reach/by-record.ts'
import { policyByRecord } from '../../src/reach/unknown-addresses.ts'
import { rememberedClaims } from '../../src/verifier/evidence.ts'
import { subjectOfEntry } from '../../src/verifier/subject.ts'
import { signer } from '../support/trust.ts'

const NOW = 1_800_000_000
const KEYS = Array.from({ length: 3 }, (_, number) => signer(`key-${number}`))
const NAMES = ['ann', 'bob', 'cat'] as const
const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'

const identityOf = (number: number) =>
  `ed25519:${Buffer.from(KEYS[number]?.key.publicKey ?? []).toString('hex')}`

const REQUIRED = ['"ann"', '"bob"', '"all"', '"two"', '"nothing"', '"refuse"'] as const
const ruleOf = (name: string, required: string) =>
  `{ match = { name = "${name}", kind = "output" }, require = { output = ${required} }, accept-unknown-derivation = true }`

interface Drawn {
  readonly rules: readonly (readonly [name: string, required: string])[]
  readonly isOneLine: boolean
  readonly exempt: readonly string[]
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  rules: fc.uniqueArray(fc.tuple(fc.constantFrom('a*', 'b*', 'c*', '*-1'), fc.constantFrom(...REQUIRED)), {
    selector: ([name]) => name,
    maxLength: 4,
  }),
  isOneLine: fc.boolean(),
  exempt: fc.subarray(['a-1', 'b-*']),
})

function policyOf({ rules, isOneLine, exempt }: Drawn): Policy {
  const listed = rules.map(([name, required]) => ruleOf(name, required))
  const exemptions = exempt.map(name => `{ name = "${name}", reason = "a test", until = 2027-06-01 }`)
  const separator = isOneLine ? ', ' : ',\n'
  const people = NAMES.map((name, at) => `[principals.${name}]\nkeys = ["${KEYS[at]?.publicKey}"]\n`)
  const toml = `version = 1
mode = "enforce"
rules = [${listed.join(separator)}]
exemptions = [${exemptions.join(separator)}]
${people.join('')}
[groups.all]
members = ["ann", "bob", "cat"]
threshold = 1
[groups.two]
members = ["ann", "bob", "cat"]
threshold = 2
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = "cat"
accept-unknown-derivation = true
`
  return parsePolicy({ toml, file: 'policy.toml', directory: '/', certificate: () => Buffer.alloc(0) })
}

const entry: fc.Arbitrary<JudgedAdmission> = fc
  .record({
    name: fc.constantFrom('a-1', 'a-2', 'b-1', 'c-2', 'd'),
    signed: fc.subarray([0, 1, 2], { minLength: 1 }),
    seen: fc.integer({ min: 0, max: NOW }),
    until: fc.option(fc.integer({ min: NOW + 1, max: NOW + 1000 }), { nil: undefined }),
    isMade: fc.boolean(),
    builtHere: fc.boolean(),
  })
  .map(({ name, signed, seen, until, isMade, builtHere }) => ({
    path: `/nix/store/${DIGEST}-${name}`,
    narHash: 'ab'.repeat(32),
    policy: 'cd'.repeat(32),
    until,
    stamp: undefined,
    kind: 'output',
    builtHere,
    derivation: isMade ? `/nix/store/${DIGEST}-x.drv` : undefined,
    time: seen,
    rule: 'a rule',
    claims: signed.map(number => ({
      key: identityOf(number),
      role: 'builder',
      graph: undefined,
      seen,
      trace: 'nix',
      origin: 'a cache',
    })),
    build: undefined,
  }))

/** What an audit tells of an entry, without its end where the entry has one. */
async function told(policy: Policy, one: JudgedAdmission) {
  const subject = subjectOfEntry(one)
  const about = policyByRecord(policy, subject)
  const evidence = await recalledEvidence(about, rememberedClaims(one), { now: NOW, own: undefined })
  const verdict = judgeUnder(about, subject, evidence, NOW)
  if (verdict.outcome !== 'trusted') return verdict.outcome
  const { rule, basis, until } = verdict
  const claims = basis.kind === 'claims' ? basis.claims.map(({ key }) => key) : []
  return { rule, basis: basis.kind, claims, until: one.until === undefined ? until : 'as the entry' }
}

test('property: the policy says the same of entries that are alike', async () => {
  let alike = 0
  await fc.assert(
    fc.asyncProperty(drawn, entry, entry, fc.boolean(), async (choice, one, another, isSigned) => {
      const policy = policyOf(choice)
      const other = isSigned ? { ...one, path: another.path, until: another.until } : another
      assert.ok(hasAlike(policy))
      const text = alikeTo(policy, one, NOW)
      if (text === undefined || alikeTo(policy, other, NOW) !== text) return
      if (one.path !== other.path) alike++
      assert.deepEqual(await told(policy, one), await told(policy, other))
    }),
    { numRuns: 4000, includeErrorInReport: true },
  )
  assert.ok(alike > 20, String(alike))
})

test('attack: rules that are written in one line of the policy are not one rule', () => {
  const rules = [
    ['a*', '"all"'],
    ['b*', '"refuse"'],
  ] as const
  const policy = policyOf({ rules, isOneLine: true, exempt: [] })
  assert.equal(new Set(policy.rules.map(({ line }) => line)).size, 1)
  const [drawnOne] = fc.sample(entry, { seed: 1, numRuns: 1 })
  assert.ok(drawnOne)
  const named = (name: string) => ({ ...drawnOne, path: `/nix/store/${DIGEST}-${name}` })
  assert.notEqual(alikeTo(policy, named('a-1'), NOW), alikeTo(policy, named('b-1'), NOW))
})
