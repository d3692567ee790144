import assert from 'node:assert/strict'
import { fstatSync } from 'node:fs'
import { test } from 'node:test'
import { journalPrefix } from '../../src/files/journal.ts'

const { dev, ino } = fstatSync(2, { bigint: true })
const OWN = `${dev}:${ino}`

test('a stream that the journal reads gets the priority of each line', () => {
  assert.equal(journalPrefix('error', 2, OWN), '<3>')
  assert.equal(journalPrefix('warning', 2, OWN), '<4>')
  assert.equal(journalPrefix('info', 2, OWN), '<6>')
})

test('a stream that was sent elsewhere since gets none', () => {
  assert.equal(journalPrefix('error', 2, `${dev}:${ino + 1n}`), '')
  assert.equal(journalPrefix('error', 2, ''), '')
})
