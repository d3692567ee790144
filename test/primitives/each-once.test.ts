import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eachOnce } from '../../src/primitives/each-once.ts'

test('what comes of the same is worked out once, false as well', () => {
  const worked: string[] = []
  const isLong = eachOnce((text: string) => {
    worked.push(text)
    return text.length > 1
  })
  assert.deepEqual(['a', 'bc', 'a', 'bc'].map(isLong), [false, true, false, true])
  assert.deepEqual(worked, ['a', 'bc'])
})
