import assert from 'node:assert/strict'
import { test } from 'node:test'
import { learnNames, namesOf } from '../../../src/evidence/upstreams/known-names.ts'

const pathOf = (index: number, name = 'x') => `/nix/store/${String(index).padStart(32, '0')}-${name}`
const digestOf = (index: number) => String(index).padStart(32, '0')

test('a name is known at once, or as soon as somebody mentions it', async () => {
  learnNames([pathOf(1)])
  assert.deepEqual(await namesOf(digestOf(1), 0), [pathOf(1)])
  const waiting = namesOf(digestOf(2), 5000)
  learnNames([pathOf(2)])
  assert.deepEqual(await waiting, [pathOf(2)])
  assert.deepEqual(await namesOf(digestOf(3), 5), [])
})

test('attack: any number of names for one path, or of paths, is bounded', async () => {
  for (let index = 0; index < 20; index++) learnNames([pathOf(7, `n${index}`)])
  assert.equal((await namesOf(digestOf(7), 0)).length, 4)
  for (let index = 100; index < 70_000; index++) learnNames([pathOf(index)])
  assert.deepEqual(await namesOf(digestOf(7), 0), [])
})
