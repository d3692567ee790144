import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logOnce } from '../../src/gate/log-once.ts'

const HOUR = 60 * 60 * 1000

function openLog() {
  const lines: string[] = []
  let time = 0
  const { log, forget } = logOnce(
    (_level, event, details) => lines.push([event, details?.['path'], details?.['why']].join(' ')),
    () => time,
  )
  const pass = (ms: number) => {
    time += ms
  }
  return { log, forget, lines, pass }
}

test('a refusal is told once a path and reason, and again after an hour or when all is asked anew', () => {
  const { log, forget, lines, pass } = openLog()
  const refuse = (path: string, why: string) => log('warning', 'would be refused', { path, why })
  for (let time = 0; time < 7; time++) refuse('a', 'unsigned')
  assert.deepEqual(lines, ['would be refused a unsigned'])
  refuse('a', 'revoked')
  refuse('b', 'unsigned')
  assert.equal(lines.length, 3)
  pass(HOUR)
  refuse('a', 'unsigned')
  assert.equal(lines.length, 4)
  forget()
  refuse('a', 'unsigned')
  assert.equal(lines.length, 5)
})

test('how long a silent upstream is left alone is no other reason', () => {
  const { log, lines } = openLog()
  for (const rest of ['', '; it is left alone for 0.4 seconds', '; it is left alone for 12 seconds'])
    log('warning', 'refused', {
      path: 'a',
      why: `x: socket hang up${rest}; y: silent${rest}; next: try again`,
    })
  assert.equal(lines.length, 1)
})

test('other events are told each time, and few lines are remembered', () => {
  const { log, lines } = openLog()
  for (let time = 0; time < 3; time++) log('info', 'answered a hook', { path: 'a', why: 'b' })
  assert.equal(lines.length, 3)
  for (let path = 0; path < 5000; path++) log('warning', 'refused', { path: String(path), why: 'b' })
  log('warning', 'refused', { path: '4999', why: 'b' })
  assert.equal(lines.length, 5003)
  log('warning', 'refused', { path: '0', why: 'b' })
  assert.equal(lines.length, 5004)
})
