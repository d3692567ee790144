import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { judgeDoors } from '../../src/doctor/doors.ts'
import { doorsJson } from '../../src/doctor/doors-json.ts'
import { DOOR_NAMES, doorLine, summaryLine } from '../../src/doctor/wording.ts'
import { WELL, withSettings } from './well.ts'

const plain = (text: string) => text

test('a line has state, name, detail, and the remedy if the door is not closed', () => {
  assert.equal(
    doorLine('sandbox', { state: 'closed', detail: 'sandbox = true' }, plain),
    'closed          sandbox: sandbox = true',
  )
  assert.equal(
    doorLine('sandbox', { state: 'unknown', detail: 'no answer' }, plain),
    'unknown         sandbox: no answer (set: sandbox = true)',
  )
  assert.equal(
    doorLine('sandbox', { state: 'open', detail: 'x', remedy: 'do y' }, plain),
    'open            sandbox: x (do y)',
  )
})

test('the last line has the counts', () => {
  assert.equal(summaryLine(['closed', 'not applicable', 'closed']), 'all 2 doors are closed')
  assert.equal(summaryLine(['closed', 'open', 'unknown']), '1 open, 1 unknown, 1 closed')
  assert.equal(summaryLine(['closed', 'warning']), '1 doors are closed, 1 warning')
  assert.equal(summaryLine(['open', 'warning', 'warning']), '1 open, 0 unknown, 0 closed, 2 warnings')
})

test('JSON: one line of ASCII, every door in it, a remedy for those that are not closed', () => {
  const text = doorsJson(judgeDoors(withSettings({ sandbox: 'falsch \u00e4' })))
  assert.match(text, /^[\x20-\x7e]+$/)
  const { open, unknown, doors } = JSON.parse(text)
  assert.deepEqual([open, unknown, doors.length], [1, 0, DOOR_NAMES.length])
  assert.deepEqual(
    doors.find(({ door }: { door: string }) => door === 'sandbox'),
    { door: 'sandbox', state: 'open', detail: 'sandbox = falsch \u00e4', remedy: 'set: sandbox = true' },
  )
  assert.equal(JSON.parse(doorsJson(judgeDoors(WELL))).open, 0)
})

test('the page for users has every door in its table, and no other', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/how-to/doctor.md'), 'utf8')
  const [, table = ''] = page.split('## The doors')
  const rows = [...table.matchAll(/^\| `([a-z.-]+)` \|/gm)].map(([, door]) => door)
  assert.deepEqual(rows, DOOR_NAMES)
})
