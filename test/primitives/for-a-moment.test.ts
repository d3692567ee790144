import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forAMoment } from '../../src/primitives/for-a-moment.ts'

test('a value is at hand for two milliseconds, and not after that', () => {
  let now = 100
  const moment = forAMoment<string>(() => now)
  assert.equal(moment.get(), undefined)
  moment.set('a')
  now = 101.9
  assert.equal(moment.get(), 'a')
  now = 102
  assert.equal(moment.get(), undefined)
})

test('a value that is forgotten is gone at once', () => {
  const moment = forAMoment<string>(() => 100)
  moment.set('a')
  moment.forget()
  assert.equal(moment.get(), undefined)
})
