import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepStanding } from '../../../src/evidence/upstreams/standing.ts'

const MINUTE = 60_000

test('attack: one forged nix-cache-info takes a cache away for minutes, not for a day', async () => {
  let [now, text, asked] = [0, 'StoreDir: /elsewhere\n', 0]
  const read = async () => {
    asked++
    return Buffer.from(text)
  }
  const standing = keepStanding(read, undefined, () => now)
  assert.match((await standing.asked()).problem ?? '', /of the store \/elsewhere/)
  text = 'StoreDir: /nix/store\nPriority: 41\n'
  now += 4 * MINUTE
  assert.match((await standing.asked()).problem ?? '', /of the store/)
  now += 2 * MINUTE
  assert.deepEqual(await standing.asked(), { priority: 41, wantsMassQuery: false, isKnown: true })
  now += 23 * 60 * MINUTE
  await standing.asked()
  assert.equal(asked, 2, 'what is well is asked again after a day')
})
