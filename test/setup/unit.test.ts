import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { socketText, unitText } from '../../src/setup/unit.ts'

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

test('attack: systemd holds the gate’s address, as the page for users says', () => {
  const listen = { host: '127.0.0.1', port: 4649 }
  for (const line of ['Requires=nixsig.socket', 'After=nixsig.socket'])
    assert.ok(SECTIONS.get('Unit')?.includes(line), line)
  const page = readFileSync(join(PROJECT_ROOT, 'docs/how-to/gate.md'), 'utf8')
  const [, advised = ''] = /nixsig\.socket\n([^`]+)```/.exec(page) ?? []
  const lines = socketText(listen).split('\n')
  for (const line of advised.trim().split('\n')) assert.ok(lines.includes(line), line)
  assert.ok(lines.includes('TriggerLimitIntervalSec=0'), 'the address is not given up')
  assert.match(socketText({ host: '::1', port: 1 }), /^ListenStream=\[::1\]:1$/m)
})
