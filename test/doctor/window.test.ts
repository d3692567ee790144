// The risk without the plugin is described in the same words everywhere.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { WINDOW } from '../../src/doctor/hook-doors.ts'

test('docs/threat-model.md and the doctor describe a machine without the plugin in the same words', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/threat-model.md'), 'utf8').replace(/\s+/g, ' ')
  assert.ok(page.includes(`W${WINDOW.slice(1)}.`))
})
