import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unitText } from '../../src/setup/unit.ts'

const TEXT = unitText({ program: '/opt/nixsig/nixsig' })
/** The lines of each section. */
const SECTIONS = new Map(
  TEXT.split(/^\[/m).map(part => {
    const [name = '', ...lines] = part.split('\n')
    return [name.replace(']', ''), lines] as const
  }),
)

test('fault: a gate that ends again and again is started again, however often', () => {
  assert.ok(SECTIONS.get('Unit')?.includes('StartLimitIntervalSec=0'), TEXT)
  assert.ok(SECTIONS.get('Service')?.includes('Restart=always'), TEXT)
  assert.ok(SECTIONS.get('Service')?.includes('RestartSec=1'), TEXT)
})

test('fault: a gate that hangs is killed within a minute', () => {
  assert.ok(SECTIONS.get('Service')?.includes('Type=notify'), TEXT)
  assert.ok(SECTIONS.get('Service')?.includes('WatchdogSec=60'), TEXT)
})
