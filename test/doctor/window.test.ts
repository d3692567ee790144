// What is open where the plugin is not in force is said in the same words wherever it is said.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { WINDOW } from '../../src/doctor/hook-doors.ts'

test('docs/threat-model.md and the doctor say the same of a machine without the plugin', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/threat-model.md'), 'utf8').replace(/\s+/g, ' ')
  assert.ok(page.includes(`W${WINDOW.slice(1)}.`))
})
