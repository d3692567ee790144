import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exitCode } from '../../src/policy/exit-code.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { fillSeats, isFilled, peopleOf } from '../../src/policy/seats.ts'
import type { Claim, Evidence, Stray } from '../../src/policy/verdict.ts'
import { builtBy, claimBy, evidenceOf, NOW, OTHER_HASH, OUTPUT, policyOf, SOURCE } from './policies.ts'

const PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const

// Keys of every standing, and nested groups. For each key it is known whether it counts.
const POLICY = policyOf(`
version = 1
mode = "enforce"
[principals]
alice.keys = ["KEY(alice-1)", { key = "KEY(alice-old)", valid-until = 2026-01-01 }]
bob.keys = ["KEY(bob-1)", "KEY(bob-2)", "KEY(bob-lost)"]
carol.keys = ["KEY(carol-1)", { key = "KEY(carol-new)", valid-from = 2027-01-01 }]
dave.keys = ["KEY(dave-1)"]
[groups]
left = { members = ["alice", "bob"], threshold = 1 }
right = { members = ["bob", "carol"], threshold = 2 }
all = { members = ["left", "right", "dave", "self"], threshold = 2 }
[[revocations]]
key = "KEY(bob-lost)"
date = 2026-02-01
[default]
require = { source = "left", derivation = { packager = "right" }, output = "all" }
accept-graph = true
[[rules]]
match = { name = "lenient-*", kind = ["fetched-source", "local-source"] }
require.source = "left"
accept-expired-key = "if-signed-before"`)

const VALID_KEYS = ['alice-1', 'bob-1', 'bob-2', 'carol-1', 'dave-1']
const ALL_KEYS = [...VALID_KEYS, 'alice-old', 'bob-lost', 'carol-new', 'mallory-1']

const claim: fc.Arbitrary<Claim> = fc
  .record({
    key: fc.constantFrom(...ALL_KEYS),
    role: fc.constantFrom('developer', 'packager', 'reviewer', 'builder'),
    differs: fc.boolean(),
    elsewhere: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
    ended: fc.boolean(),
    until: fc.constantFrom(undefined, undefined, NOW - 1, NOW, NOW + 1, Date.UTC(2027, 6) / 1000),
  })
  .map(({ key, role, differs, elsewhere, ended, until }) =>
    claimBy(key, {
      role,
      ...(until === undefined ? {} : { until }),
      ...(ended ? { expired: { signedAt: 1_500_000_000, at: 1_600_000_000 } } : {}),
      ...(differs ? { narHash: OTHER_HASH } : {}),
      ...(elsewhere ? { path: `${SOURCE.path}x` } : {}),
    }),
  )
const harmless = fc
  .tuple(fc.constantFrom(...VALID_KEYS), fc.constantFrom('developer', 'packager', 'reviewer', 'builder'))
  .map(([key, role]) => claimBy(key, { role }))
const stray: fc.Arbitrary<Stray> = fc.record({
  problem: fc.constantFrom(
    'unknown-signer',
    'bad-signature',
    'expired-signature',
    'revoked-key',
    'other-subject',
    'unused',
  ),
  origin: fc.string(),
  detail: fc.string(),
})
const subject = fc
  .tuple(
    fc.constantFrom('fetched-source', 'local-source', 'derivation', 'output'),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom(SOURCE.name, 'lenient-1.tar.gz'),
  )
  .map(([kind, builtHere, derivationKnown, name]) => ({
    ...SOURCE,
    name,
    kind,
    builtHere,
    ...(derivationKnown ? { derivation: '/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.drv' } : {}),
  }))

const outcomeOf = (policy: Policy, about: typeof SOURCE, evidence: Evidence) =>
  judge(policy, about, evidence, NOW).outcome

test('more claims by listed, valid, agreeing keys never make a trusted path untrusted', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), fc.array(harmless), (about, claims, more) => {
      if (outcomeOf(POLICY, about, evidenceOf(claims)) !== 'trusted') return
      assert.equal(outcomeOf(POLICY, about, evidenceOf([...claims, ...more])), 'trusted')
    }),
  )
})

test('strays never change an outcome', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), fc.array(stray), (about, claims, strays) => {
      assert.equal(
        outcomeOf(POLICY, about, evidenceOf(claims, { strays })),
        outcomeOf(POLICY, about, evidenceOf(claims)),
      )
    }),
  )
})

test('strangers never change an outcome', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), (about, claims) => {
      const strangers = [
        builtBy('mallory-1', { narHash: OTHER_HASH }),
        claimBy('mallory-2'),
        builtBy('mallory-3'),
      ]
      assert.equal(
        outcomeOf(POLICY, about, evidenceOf([...strangers, ...claims])),
        outcomeOf(POLICY, about, evidenceOf(claims)),
      )
    }),
  )
})

test('neither the order of evidence nor duplicates change the outcome, the exit status or the end', () => {
  const shuffled = fc
    .array(claim)
    .chain(claims => fc.tuple(fc.constant(claims), fc.shuffledSubarray(claims, { minLength: claims.length })))
  fc.assert(
    fc.property(subject, shuffled, (about, [claims, other]) => {
      const [one, two] = [claims, [...other, ...claims]].map(list =>
        judge(POLICY, about, evidenceOf(list), NOW),
      )
      assert.ok(one !== undefined && two !== undefined)
      assert.equal(two.outcome, one.outcome)
      assert.equal(exitCode(two), exitCode(one))
      if (one.outcome === 'trusted' && two.outcome === 'trusted') assert.equal(two.until, one.until)
    }),
  )
})

test('where the rule does not accept expired keys, their claims never change an outcome', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), (about, claims) => {
      const isAccepted = about.name.startsWith('lenient-') && about.kind.endsWith('-source')
      const alive = claims.filter(({ expired }) => expired === undefined)
      if (isAccepted) return
      assert.equal(outcomeOf(POLICY, about, evidenceOf(claims)), outcomeOf(POLICY, about, evidenceOf(alive)))
    }),
  )
})

test('where it accepts them, they count like other keys but cause no conflict', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), (about, all) => {
      const claims = all.filter(({ role }) => role !== 'builder')
      const lenient = { ...about, name: 'lenient-1.tar.gz', kind: 'fetched-source' } as const
      const asAlive = claims.map(({ expired: _, ...rest }) => rest)
      assert.equal(
        outcomeOf(POLICY, lenient, evidenceOf(claims)),
        outcomeOf(POLICY, lenient, evidenceOf(asAlive)),
      )
    }),
  )
})

test('a single trouble leaves everything undecided', () => {
  fc.assert(
    fc.property(subject, fc.array(claim), (about, claims) => {
      const troubles = [{ origin: 'x', detail: 'y' }]
      assert.equal(outcomeOf(POLICY, about, evidenceOf(claims, { troubles })), 'indeterminate')
    }),
  )
})

test('a verdict holds with the same evidence at every second before its end', () => {
  const instant = fc.integer({ min: Date.UTC(2025, 0) / 1000, max: Date.UTC(2028, 0) / 1000 })
  fc.assert(
    fc.property(subject, fc.array(claim), instant, instant, (about, claims, now, later) => {
      const verdict = judge(POLICY, about, evidenceOf(claims), now)
      if (verdict.outcome !== 'trusted' || later < now || later >= (verdict.until ?? later + 1)) return
      assert.equal(judge(POLICY, about, evidenceOf(claims), later).outcome, 'trusted')
    }),
    { numRuns: 1000 },
  )
})

// Random groups of principals, and groups of those.
const groups = fc
  .tuple(
    fc.array(fc.tuple(fc.shuffledSubarray([...PEOPLE], { minLength: 1 }), fc.nat()), {
      minLength: 3,
      maxLength: 3,
    }),
    fc.shuffledSubarray(['g0', 'g1', 'g2', ...PEOPLE], { minLength: 1 }),
    fc.nat(),
  )
  .map(([inner, members, threshold]) => {
    const group = (name: string, list: readonly string[], n: number) =>
      [name, { name, members: list, threshold: 1 + (n % list.length) }] as const
    return new Map([
      ...inner.map(([list, n], i) => group(`g${i}`, list, n)),
      group('top', members, threshold),
    ])
  })
const SUBSETS = Array.from({ length: 16 }, (_, bits) => PEOPLE.filter((_person, i) => (bits >> i) & 1))

/** Tries all ways to seat people one by one, so that it shares no mistake with the matching. */
function canFill(all: Policy['groups'], who: string, present: readonly string[]): readonly string[] {
  const group = all.get(who)
  if (group === undefined) return present.filter(person => person === who)
  const candidates = group.members.map(member => canFill(all, member, present))
  const seat = (index: number, taken: readonly string[]): number => {
    if (index === candidates.length) return taken.length
    const free = (candidates[index] ?? []).filter(person => !taken.includes(person))
    return Math.max(seat(index + 1, taken), ...free.map(person => seat(index + 1, [...taken, person])))
  }
  return seat(0, []) >= group.threshold ? [...new Set(candidates.flat())] : []
}

test('the matching fills as many seats as trying every way to seat people', () => {
  fc.assert(
    fc.property(groups, fc.constantFrom(...SUBSETS), (all, present) => {
      const seats = fillSeats(all, 'top', new Set(present))
      assert.equal(isFilled(seats), canFill(all, 'top', present).length > 0)
      assert.equal(new Set(seats.filled).size, seats.filled.length)
      assert.ok(seats.filled.every(person => present.includes(person as (typeof PEOPLE)[number])))
    }),
    { numRuns: 1000 },
  )
})

test('no set of people smaller than the threshold ever passes, and more people never pass less', () => {
  fc.assert(
    fc.property(groups, all => {
      const threshold = all.get('top')?.threshold ?? 0
      for (const present of SUBSETS) {
        const passes = isFilled(fillSeats(all, 'top', new Set(present)))
        assert.ok(!passes || present.length >= threshold)
        const more = SUBSETS.filter(set => present.every(person => set.includes(person)))
        if (passes) assert.ok(more.every(set => isFilled(fillSeats(all, 'top', new Set(set)))))
      }
      const outsiders = new Set(PEOPLE.filter(person => !peopleOf(all, 'top').has(person)))
      assert.equal(isFilled(fillSeats(all, 'top', outsiders)), false)
    }),
    { numRuns: 200 },
  )
})

test('the properties above cover both trusted and refused verdicts', () => {
  assert.equal(outcomeOf(POLICY, SOURCE, evidenceOf([claimBy('alice-1')])), 'trusted')
  assert.equal(outcomeOf(POLICY, SOURCE, evidenceOf([claimBy('alice-old')])), 'untrusted')
  assert.equal(outcomeOf(POLICY, OUTPUT, evidenceOf([builtBy('dave-1'), builtBy('bob-2')])), 'trusted')
  assert.equal(outcomeOf(POLICY, OUTPUT, evidenceOf([builtBy('bob-1'), builtBy('bob-2')])), 'untrusted')
})
