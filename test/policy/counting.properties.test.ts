// Whom a requirement counts, for people with any number of keys and groups of any shape:
// docs/semantics.md, S4 to S10. seats.test.ts and weigh.test.ts have examples.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judge } from '../../src/policy/judge.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { fillSeats, isFilled } from '../../src/policy/seats.ts'
import type { Claim } from '../../src/policy/verdict.ts'
import { type Weighing, weigh } from '../../src/policy/weigh.ts'
import { claimBy, evidenceOf, identityOf, NOW, OTHER_HASH, policyOf, SOURCE } from './policies.ts'

const PEOPLE = ['alice', 'bob', 'carol', 'dave', 'erin'] as const
const GROUPS = ['g0', 'g1', 'g2'] as const
const KEYS = [1, 2, 3, 4] as const
const keyOf = (who: string, number: number) => `${who}-${number}`

/** Each of the people with four keys of one standing: valid, but for what `more` says. */
function policyWith(groups: readonly string[], requirement: string, more = ''): Policy {
  const principals = PEOPLE.map(
    who => `${who}.keys = [${KEYS.map(number => `"KEY(${keyOf(who, number)})"`).join(', ')}]`,
  )
  return policyOf(`
version = 1
mode = "enforce"
[principals]
${principals.join('\n')}
[groups]
${groups.join('\n')}
${more}
[default]
require = { source = ${requirement}, derivation = "nothing", output = "nothing" }`)
}

/** Three groups, each of people and of the groups before it, with a threshold that can be met. */
const groups = fc
  .tuple(
    ...GROUPS.map((_, index) =>
      fc.tuple(fc.shuffledSubarray([...PEOPLE, ...GROUPS.slice(0, index)], { minLength: 1 }), fc.nat()),
    ),
  )
  .map(all => all.map(([members, number]) => ({ members, threshold: 1 + (number % members.length) })))

type Made = readonly { readonly members: readonly string[]; readonly threshold: number }[]

/** These groups as a policy has them; undefined if it would refuse them, as nobody can meet one. */
function policyOfGroups(made: Made, more?: string): Policy | undefined {
  const lines = made.map(
    ({ members, threshold }, index) => `g${index} = ${JSON.stringify({ members, threshold })}`,
  )
  try {
    return policyWith(
      lines.map(line => line.replaceAll(/"(members|threshold)":/g, '$1 = ')),
      '"g2"',
      more,
    )
  } catch {
    return undefined
  }
}

const signed = fc.array(fc.record({ who: fc.constantFrom(...PEOPLE), number: fc.constantFrom(...KEYS) }), {
  maxLength: 12,
})

const claimsOf = (all: readonly { readonly who: string; readonly number: number }[]): readonly Claim[] =>
  all.map(({ who, number }) => claimBy(keyOf(who, number)))

const isTrusted = (policy: Policy, claims: readonly Claim[]) =>
  judge(policy, SOURCE, evidenceOf(claims), NOW).outcome === 'trusted'

test('a person counts once, however many of their keys signed, and whichever', () => {
  let met = 0
  fc.assert(
    fc.property(groups, signed, (made, all) => {
      const policy = policyOfGroups(made)
      fc.pre(policy !== undefined)
      const people = [...new Set(all.map(({ who }) => who))]
      const once = isTrusted(policy, claimsOf(people.map(who => ({ who, number: 1 }))))
      assert.equal(isTrusted(policy, claimsOf(all)), once)
      assert.equal(
        isTrusted(policy, claimsOf(people.flatMap(who => KEYS.map(number => ({ who, number }))))),
        once,
      )
      if (once) met++
    }),
    { numRuns: 500 },
  )
  assert.ok(met > 50, `only ${met} of the cases were met`)
})

test('a threshold of two is never met by one person, wherever that person stands', () => {
  fc.assert(
    fc.property(groups, fc.constantFrom(...PEOPLE), (made, who) => {
      const policy = policyOfGroups(made)
      fc.pre(policy !== undefined && (made[2]?.threshold ?? 0) > 1)
      assert.equal(isTrusted(policy, claimsOf(KEYS.map(number => ({ who, number })))), false)
    }),
    { numRuns: 300 },
  )
})

test('whoever fills a seat is there, is in the group, and fills no other seat of it', () => {
  fc.assert(
    fc.property(groups, fc.subarray([...PEOPLE]), (made, present) => {
      const all = new Map(made.map((group, index) => [`g${index}`, { name: `g${index}`, line: 1, ...group }]))
      for (const name of GROUPS) {
        const { filled, of } = fillSeats(all, name, new Set(present))
        assert.equal(new Set(filled).size, filled.length)
        assert.ok(filled.length <= Math.min(of, present.length))
        assert.ok(filled.every(who => present.some(one => one === who)))
      }
    }),
    { numRuns: 500 },
  )
})

test('neither the order of the members nor that of the people changes how many seats are filled', () => {
  const shuffled = groups.chain(made =>
    fc.tuple(
      fc.constant(made),
      fc.tuple(
        ...made.map(({ members }) => fc.shuffledSubarray([...members], { minLength: members.length })),
      ),
      fc.shuffledSubarray([...PEOPLE]),
    ),
  )
  fc.assert(
    fc.property(shuffled, ([made, orders, present]) => {
      const groupsIn = (order: (index: number) => readonly string[]) =>
        new Map(
          made.map(({ threshold }, index) => [
            `g${index}`,
            { name: `g${index}`, line: 1, threshold, members: order(index) },
          ]),
        )
      const one = fillSeats(
        groupsIn(index => made[index]?.members ?? []),
        'g2',
        new Set(present),
      )
      const other = fillSeats(
        groupsIn(index => orders[index] ?? []),
        'g2',
        new Set([...present].reverse()),
      )
      assert.equal(other.filled.length, one.filled.length)
      assert.equal(isFilled(other), isFilled(one))
    }),
    { numRuns: 500 },
  )
})

test('more evidence of people who agree never makes an unmet requirement of a met one', () => {
  fc.assert(
    fc.property(groups, signed, signed, (made, all, more) => {
      const policy = policyOfGroups(made)
      fc.pre(policy !== undefined && isTrusted(policy, claimsOf(all)))
      assert.ok(isTrusted(policy, claimsOf([...all, ...more])))
      assert.ok(isTrusted(policy, claimsOf([...more, ...all])))
    }),
  )
})

test('a revocation only takes away: what it leaves is what the evidence without that key comes to', () => {
  fc.assert(
    fc.property(groups, signed, fc.constantFrom(...PEOPLE), (made, all, who) => {
      const gone = keyOf(who, 1)
      const revocation = `[[revocations]]\nkey = "KEY(${gone})"\ndate = 2026-01-01`
      const [policy, revoked] = [policyOfGroups(made), policyOfGroups(made, revocation)]
      fc.pre(policy !== undefined && revoked !== undefined)
      const left = all.filter(one => keyOf(one.who, one.number) !== gone)
      assert.equal(isTrusted(revoked, claimsOf(all)), isTrusted(policy, claimsOf(left)))
    }),
  )
})

const POLICY = policyWith(
  [],
  '"alice"',
  '[[revocations]]\nkey = "KEY(bob-1)"\ndate = 2026-01-01\n[[revocations]]\nprincipal = "carol"\ndate = 2026-01-01',
)

const claim: fc.Arbitrary<Claim> = fc
  .record({
    key: fc.constantFrom(...PEOPLE.map(who => keyOf(who, 1)), keyOf('alice', 2), 'mallory-1'),
    role: fc.constantFrom('developer', 'packager', 'reviewer', 'builder'),
    differs: fc.boolean(),
    isAbsent: fc.boolean(),
    until: fc.constantFrom(undefined, NOW, NOW + 1),
  })
  .map(({ key, role, differs, isAbsent, until }) =>
    claimBy(key, {
      role,
      ...(until === undefined ? {} : { until }),
      ...(differs ? { narHash: OTHER_HASH } : {}),
      ...(isAbsent ? { path: `${SOURCE.path}-other` } : {}),
    }),
  )

const weighed = (claims: readonly Claim[]): Weighing => weigh(POLICY, SOURCE, POLICY.fallback, claims, NOW)

/** What a weighing holds, without the order in which it holds that. */
const bagOf = ({ counting, discounted, conflicts, strays }: Weighing): readonly string[] =>
  [counting, discounted, conflicts, strays]
    .flatMap((list, kind) => list.map(one => `${kind} ${JSON.stringify(one)}`))
    .sort()

test('each claim is weighed by itself: it lands in one place, whatever is beside it and in which order', () => {
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 8 }), claims => {
      const each = claims.map(one => bagOf(weighed([one])))
      for (const places of each) assert.equal(places.length, 1)
      assert.deepEqual(bagOf(weighed(claims)), each.flat().sort())
      assert.deepEqual(bagOf(weighed([...claims].reverse())), each.flat().sort())
    }),
    { numRuns: 500 },
  )
})

test('what counts is by a key that stands, about this path, of these contents, and not ended', () => {
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 8 }), claims => {
      for (const { claim: counted } of weighed(claims).counting) {
        assert.ok(!['bob-1', 'carol-1', 'mallory-1'].some(key => identityOf(key) === counted.key))
        assert.equal(counted.path, SOURCE.path)
        assert.equal(counted.narHash, SOURCE.narHash)
        assert.ok(counted.until === undefined || counted.until > NOW)
        assert.notEqual(counted.role, 'builder')
      }
    }),
    { numRuns: 500 },
  )
})
