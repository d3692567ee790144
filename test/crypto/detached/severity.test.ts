// E13: the combined outcome of a set of signatures, whatever their order is.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decisiveResults, isAgainst, outcomeOf, outcomeOfSet } from '../../../src/crypto/detached/severity.ts'
import type { DetachedOutcome, DetachedResult } from '../../../src/crypto/detached/verify.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'

const OUTCOMES: readonly DetachedOutcome[] = [
  'good',
  'unknown-signer',
  'bad-signature',
  'other-file',
  'unacceptable',
  'expired-signature',
  'expired-key',
  'expired-since',
  'revoked-key',
  'unreadable',
]
const KEY = parseKey(`k:${Buffer.alloc(32, 7).toString('base64')}`)
const SEED = { numRuns: 20_000 }

function result(outcome: DetachedOutcome, index?: number): DetachedResult {
  return { key: KEY, outcome, detail: '', ...(index === undefined ? {} : { index }) }
}

const outcomes = fc.constantFrom(...OUTCOMES)
const results = fc.array(
  fc.record({ outcome: outcomes, index: fc.option(fc.nat(3), { nil: undefined }) }).map(each => {
    return result(each.outcome, each.index)
  }),
  { maxLength: 8 },
)
const shuffled = results.chain(each =>
  fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length })),
)

describe('E13: the outcome of several results', () => {
  it('does not depend on their order', () => {
    fc.assert(
      fc.property(shuffled, ([given, other]) => {
        assert.equal(outcomeOf(other), outcomeOf(given))
        assert.equal(
          outcomeOfSet(other.map(each => each.outcome)),
          outcomeOfSet(given.map(each => each.outcome)),
        )
      }),
      SEED,
    )
  })

  it('is against the file as soon as one of the signatures is, whatever the others are', () => {
    fc.assert(
      fc.property(results, fc.constantFrom(...OUTCOMES.filter(isAgainst)), (given, outcome) => {
        assert.ok(isAgainst(outcomeOf([...given, result(outcome, 99)])))
        assert.ok(isAgainst(outcomeOfSet([...given.map(each => each.outcome), outcome])))
      }),
      SEED,
    )
  })

  it('is only good with a good signature', () => {
    fc.assert(
      fc.property(results, outcomes, (given, outcome) => {
        const before = outcomeOf(given)
        if (outcome !== 'good' && before !== 'good') {
          assert.notEqual(outcomeOf([...given, result(outcome, 99)]), 'good')
        }
        if (before === 'good') assert.ok(given.some(each => each.outcome === 'good'))
      }),
      SEED,
    )
  })

  it('ignores keys that a signature does not name', () => {
    fc.assert(
      fc.property(results, fc.option(fc.nat(3), { nil: undefined }), (given, index) => {
        assert.equal(outcomeOf([...given, result('unknown-signer', index)]), outcomeOf(given))
      }),
      SEED,
    )
  })

  it('is an unknown signer without any result', () => {
    assert.equal(outcomeOf([]), 'unknown-signer')
    assert.equal(outcomeOfSet([]), 'unknown-signer')
  })
})

describe('E13: for one signature', () => {
  it('the key that verifies it decides, not another with the same number', () => {
    const [good, bad] = [result('good'), result('bad-signature')]
    assert.deepEqual(decisiveResults([bad, good]), [good])
    assert.equal(outcomeOf([bad, good]), 'good')
  })

  it('in a file with several, none improves another', () => {
    assert.equal(outcomeOf([result('good', 0), result('bad-signature', 1)]), 'bad-signature')
    assert.equal(outcomeOf([result('good', 0), result('unacceptable', 1)]), 'good')
    assert.equal(
      outcomeOf([result('good', 0), result('unknown-signer', 0), result('revoked-key', 1)]),
      'good',
    )
  })
})
