// A share is how many have a signature in a role, and not how many signatures there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sharesOf } from '../../src/audit/shares.ts'

const names = fc.uniqueArray(fc.constantFrom('ann', 'bob', 'carol'))
const claims = fc.array(
  fc.record({
    key: fc.nat(3),
    role: fc.constantFrom('builder', 'approver', 'reviewer'),
    graph: fc.constant(undefined),
    origin: fc.constant(''),
  }),
  { maxLength: 4 },
)

test('a commit that two committers signed is one commit', () => {
  const shares = sharesOf([], [{ claims: [], committers: ['ann', 'bob'], reviewers: ['carol'] }])
  const signed = Object.fromEntries(shares.map(({ role, signed: count, total }) => [role, [count, total]]))
  assert.deepEqual(signed, { committer: [1, 1], reviewer: [1, 1], approver: [0, 1] })
})

test('property: no more have a signature than there are', () => {
  const expressions = fc.array(fc.record({ claims, committers: names, reviewers: names }), { maxLength: 4 })
  const paths = fc.array(
    fc.record({
      kind: fc.constantFrom('derivation', 'output'),
      outcome: fc.constantFrom('trusted', 'untrusted'),
      claims,
    }),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(paths, expressions, (some, commits) => {
      const shares = sharesOf(some, commits)
      for (const { signed, total } of shares) assert.ok(signed <= total, `${signed} of ${total}`)
      const committed = commits.filter(({ committers }) => committers.length > 0).length
      const told = shares.find(({ kind, role }) => kind === 'expression' && role === 'committer')
      assert.equal(told?.signed ?? 0, committed)
    }),
    { numRuns: 500 },
  )
})
