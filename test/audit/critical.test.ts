// Who brings a path down: what criticalFor finds is what a judge finds that has the key, or the
// person, taken out of the policy; and what falls with it is what a slow walk over the arrows finds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { criticalFor } from '../../src/audit/critical.ts'
import { judge } from '../../src/policy/judge.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { PolicyError } from '../../src/policy/language/policy-error.ts'
import { policyFor } from '../../src/policy/lists/policy-for.ts'
import type { KeyIdentity, Policy, Role } from '../../src/policy/policy.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import { openMadeOf } from '../../src/reach/made-of.ts'
import { carryMarks } from '../../src/reach/marks.ts'
import { signer } from '../support/trust.ts'

const NOW = 1_800_000_000
const KEYS = Array.from({ length: 9 }, (_, number) => signer(`key-${number}`))
const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'] as const
/** Some have two keys, which count once. */
const HOLDS: Readonly<Record<string, readonly number[]>> = {
  ann: [0, 6],
  bob: [1],
  cat: [2, 7],
  dan: [3],
  eve: [4, 8],
  fay: [5],
}
const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello'
const HASH = 'ab'.repeat(32)

function identityOf(number: number): KeyIdentity {
  return `ed25519:${Buffer.from(KEYS[number]?.key.publicKey ?? []).toString('hex')}`
}

interface Drawn {
  readonly inner: { readonly members: readonly string[]; readonly threshold: number }
  readonly outer: { readonly members: readonly string[]; readonly threshold: number }
  readonly who: string
  readonly exempt: boolean
  readonly builtHere: boolean
  readonly expired: readonly string[]
}

const group = (names: readonly string[]) =>
  fc
    .subarray([...names], { minLength: 1 })
    .chain(members =>
      fc.record({ members: fc.constant(members), threshold: fc.integer({ min: 1, max: members.length }) }),
    )

const drawn: fc.Arbitrary<Drawn> = fc.record({
  inner: group(PEOPLE),
  outer: group([...PEOPLE.slice(0, 4), 'inner', 'self']),
  who: fc.constantFrom('inner', 'outer', 'ann', 'cat'),
  exempt: fc.nat(9).map(number => number === 0),
  builtHere: fc.boolean(),
  expired: fc.subarray([...PEOPLE], { maxLength: 1 }),
})

function policyOf({ inner, outer, who, exempt, expired }: Drawn): Policy {
  const people = PEOPLE.map(name => {
    const keys = (HOLDS[name] ?? []).map(number => `"${KEYS[number]?.publicKey}"`)
    return `[principals.${name}]\nkeys = [${keys.join(', ')}]\n`
  })
  const revoked = expired.map(
    name => `[[revocations]]\nprincipal = "${name}"\ndate = 2020-01-01\nreason = "left"\n`,
  )
  const groupText = (name: string, { members, threshold }: Drawn['inner']) =>
    `[groups.${name}]\nmembers = [${members.map(one => `"${one}"`).join(', ')}]\nthreshold = ${threshold}\n`
  const toml = `version = 1
mode = "enforce"
${people.join('')}${groupText('inner', inner)}${groupText('outer', outer)}${revoked.join('')}
${exempt ? `[[exemptions]]\npath = "${PATH}"\nreason = "a test"\nuntil = 2027-06-01\n` : ''}[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = "${who}"
accept-unknown-derivation = true
`
  return parsePolicy({ toml, file: 'policy.toml', directory: '/', certificate: () => Buffer.alloc(0) })
}

/** Undefined where the language refuses a group that nobody can meet. */
function unlessUnmeetable(choice: Drawn): Policy | undefined {
  try {
    return policyOf(choice)
  } catch (error) {
    if (error instanceof PolicyError) return undefined
    throw error
  }
}

function claimBy(number: number, role: Role = 'builder'): Claim {
  return { key: identityOf(number), role, path: PATH, narHash: HASH, origin: 'a test' }
}

/** The policy without these keys, whoever has them. */
function deprived(policy: Policy, isGone: (name: string, key: KeyIdentity) => boolean): Policy {
  const principals = [...policy.principals].map(([name, principal]) => {
    const keys = principal.keys.filter(({ identity }) => !isGone(name, identity))
    return [name, { ...principal, keys }] as const
  })
  return { ...policy, principals: new Map(principals) }
}

test('property: a key or a person is critical exactly if a policy without refuses what passes', () => {
  let critical = 0
  fc.assert(
    fc.property(drawn, fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8]), (choice, signed) => {
      const policy = unlessUnmeetable(choice)
      fc.pre(policy !== undefined)
      const { builtHere } = choice
      const subject: Subject = { path: PATH, name: 'hello', kind: 'output', narHash: HASH, builtHere }
      const claims = signed.map(number => claimBy(number))
      const passes = (under: Policy) =>
        judge(under, subject, { claims, strays: [], troubles: [] }, NOW).outcome === 'trusted'
      const found = criticalFor(policyFor(policy, subject), { subject, claims }, NOW)
      if (!passes(policy)) {
        assert.deepEqual(found, { keys: [], principals: [] })
        return
      }
      const keys = KEYS.map((_, number) => identityOf(number))
      const without = keys.filter(key => !passes(deprived(policy, (_, other) => other === key)))
      const people = PEOPLE.filter(name => !passes(deprived(policy, other => other === name)))
      assert.deepEqual([...found.keys].sort(), without.sort())
      assert.deepEqual([...found.principals].sort(), [...people].sort())
      critical += people.length
    }),
    { numRuns: 1000, includeErrorInReport: true },
  )
  assert.ok(critical > 100, String(critical))
})

test('two of three that signed: none is critical; two that are needed: both are', () => {
  const two = { members: ['ann', 'bob', 'dan'], threshold: 2 }
  const policy = policyOf({
    inner: two,
    outer: two,
    who: 'inner',
    exempt: false,
    builtHere: false,
    expired: [],
  })
  const subject: Subject = { path: PATH, name: 'hello', kind: 'output', narHash: HASH, builtHere: false }
  const by = (...numbers: readonly number[]) =>
    criticalFor(policyFor(policy, subject), { subject, claims: numbers.map(number => claimBy(number)) }, NOW)
  assert.deepEqual(by(0, 1, 3), { keys: [], principals: [] })
  assert.deepEqual(by(0, 1).principals, ['ann', 'bob'])
  // Either of her keys is enough, and she herself is not.
  assert.deepEqual(by(0, 6, 1), { keys: [identityOf(1)], principals: ['ann', 'bob'] })
})

/** Whatever these lead to, one start after the other. */
function slowly(
  arrows: readonly (readonly [number, number])[],
  starts: readonly number[],
): readonly number[] {
  const found = new Set(starts)
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const [from, to] of arrows) if (found.has(from)) found.add(to)
  }
  return [...found].sort((a, b) => a - b)
}

const arrows = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 80 })
const sets = fc.array(fc.uniqueArray(fc.nat(30), { maxLength: 4 }), { maxLength: 70 })

test('property: many sets are carried along arrows in one pass as each is by itself, circles included', () => {
  fc.assert(
    fc.property(arrows, sets, (all, starts) => {
      const from = starts.flatMap((own, mark) => own.map(thing => [thing, mark] as const))
      const next = (thing: number) => all.filter(([one]) => one === thing).map(([, to]) => to)
      const reached = new Map(carryMarks(from, starts.length, next))
      for (const [mark, own] of starts.entries()) {
        const found = [...reached].filter(([, marks]) => marks.includes(mark)).map(([thing]) => thing)
        assert.deepEqual(
          found.sort((a, b) => a - b),
          slowly(all, own),
        )
      }
    }),
  )
})

test('what is made of what falls: outputs with their derivation, and with an input only what was built here', () => {
  const madeOf = openMadeOf()
  const output = (path: string, derivation: string, builtHere: boolean) =>
    madeOf.add({ path, kind: 'output', builtHere, derivation, build: undefined })
  output('here', 'here.drv', true)
  output('elsewhere', 'elsewhere.drv', false)
  output('above', 'above.drv', true)
  madeOf.addInputs('here.drv', ['source'])
  madeOf.addInputs('elsewhere.drv', ['source'])
  madeOf.addInputs('above.drv', ['here'])
  const reached = madeOf.afterEach([['source'], ['elsewhere.drv'], ['here.drv', 'source']])
  const of = (set: number) => [...reached].flatMap(([path, own]) => (own.includes(set) ? [path] : [])).sort()
  assert.deepEqual(of(0), ['above', 'here', 'source'])
  assert.deepEqual(of(1), ['elsewhere', 'elsewhere.drv'])
  assert.deepEqual(of(2), ['above', 'here', 'here.drv', 'source'])
})
