// What a user compares before anything of a list is believed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchFirstRoot, parseFingerprints, whyAnotherRoot } from '../../../src/lists/subscribe/first-root.ts'
import { directorySource } from '../../../src/lists/tuf/source.ts'
import { keeper, withKept } from '../../support/lists/keeping.ts'
import { publishBy } from '../../support/lists/subscribing.ts'

test('fingerprints are 64 digits, in any case, with or without sha256:, with commas between', () => {
  const [one, two] = ['a'.repeat(64), 'b'.repeat(64)]
  assert.deepEqual(parseFingerprints(one), [one])
  assert.deepEqual(parseFingerprints(`sha256:${one.toUpperCase()}, ${two}`), [one, two])
  for (const text of ['', one.slice(1), `${one},`, 'x'.repeat(64), `${one}${two}`])
    assert.equal(parseFingerprints(text), undefined, text)
})

test('attack: a root with another key, with one more, or with one of those that were named left out', () =>
  withKept(['alice', 'bob'], 2, async kept => {
    await publishBy(kept, 'alice', 'bob')
    const published = kept.publish().repository.fingerprint
    const seen = await fetchFirstRoot(directorySource(kept.out))
    const [alice, bob, mallory] = ['alice', 'bob', 'mallory'].map(name => keeper(name).id) as [
      string,
      string,
      string,
    ]
    assert.equal(seen.sha256, published)
    assert.equal(whyAnotherRoot(seen, [published]), undefined)
    assert.equal(whyAnotherRoot(seen, [bob, alice]), undefined)
    const why = (...fingerprints: string[]) => whyAnotherRoot(seen, fingerprints) ?? assert.fail()
    assert.match(why(alice), /has a key that was not named: [0-9a-f]{64}$/)
    assert.match(why(alice, bob, mallory), new RegExp(`does not have the key ${mallory}`))
    assert.match(why(mallory), new RegExp(`has the fingerprint ${published}, and not ${mallory}`))
    assert.match(why(published, alice), /does not have the key/)
  }))

test('an address where no list is published is told', async () => {
  await assert.rejects(fetchFirstRoot(directorySource('/nonexistent')), /no list is published there/)
})
