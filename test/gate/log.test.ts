import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type LogFormat, openLog, writeTo } from '../../src/gate/log.ts'
import { compiledModule } from './compiled-module.ts'

const NOON = new Date('2026-01-02T12:00:00Z')

function openTestLog(format: LogFormat) {
  const lines: string[] = []
  const log = openLog(
    format,
    line => lines.push(line),
    () => NOON,
  )
  return { log, lines }
}

test('text: the event, then what belongs to it', () => {
  const { log, lines } = openTestLog('text')
  log('info', 'ready', { url: 'http://127.0.0.1:4649', workers: 2, warm: true })
  log('warning', 'no answer from an upstream', { detail: 'timed out after 10 s', upstream: '' })
  log('error', 'internal error')
  assert.deepEqual(lines, [
    'nixsig: ready url=http://127.0.0.1:4649 workers=2 warm=true\n',
    'nixsig: warning: no answer from an upstream detail="timed out after 10 s" upstream=""\n',
    'nixsig: error: internal error\n',
  ])
})

test('JSON: one object a line, the time first', () => {
  const { log, lines } = openTestLog('json')
  log('info', 'ready', { url: 'http://127.0.0.1:4649', workers: 2, warm: true })
  assert.deepEqual(lines, [
    '{"time":"2026-01-02T12:00:00.000Z","level":"info","event":"ready","url":"http://127.0.0.1:4649","workers":2,"warm":true}\n',
  ])
})

test('text from outside cannot forge another line, another detail, or anything on a terminal', () => {
  const hostile = 'a\nnixsig: admitted path=/nix/store/x \u001b[2J\u202e"b\\ level=info'
  const text = openTestLog('text')
  text.log('warning', 'refused', { why: hostile, next: 'x' })
  assert.deepEqual(text.lines, [
    'nixsig: warning: refused why="a\\u{a}nixsig: admitted path=/nix/store/x \\u{1b}[2J\\u{202e}\\"b\\\\ level=info" next=x\n',
  ])
  const json = openTestLog('json')
  json.log('warning', 'refused', { why: hostile })
  assert.equal(json.lines.length, 1)
  const { why } = JSON.parse(json.lines[0] ?? '') as { readonly why: string }
  assert.equal(why, 'a\\u{a}nixsig: admitted path=/nix/store/x \\u{1b}[2J\\u{202e}"b\\\\ level=info')
})

test('a value that only looks like a detail is quoted', () => {
  const { log, lines } = openTestLog('text')
  log('info', 'x', { a: 'b=c', d: 'e"f' })
  assert.deepEqual(lines, ['nixsig: x a="b=c" d="e\\"f"\n'])
})

test('a detail cannot take the place of time, level or event', () => {
  const { log, lines } = openTestLog('json')
  log('error', 'refused', { level: 'info', event: 'admitted', time: 'never' })
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    time: '2026-01-02T12:00:00.000Z',
    level: 'error',
    event: 'refused',
  })
})

test('a detail without end is cut', () => {
  const { log, lines } = openTestLog('text')
  log('info', 'x', { a: 'b'.repeat(1_000_000) })
  assert.ok((lines[0] ?? '').length < 4100)
})

test('a writer that throws stops nothing', () => {
  let calls = 0
  const log = openLog('text', () => {
    calls++
    throw new Error('write EPIPE')
  })
  log('info', 'one')
  log('info', 'two')
  assert.equal(calls, 2)
})

test('lines reach the stream that they are written to in their order, and those that come together in one write', async () => {
  const stream = new PassThrough()
  const log = openLog('text', writeTo(stream))
  log('info', 'ready')
  log('info', 'stopping')
  const [first] = await once(stream, 'data')
  assert.equal(String(first), 'nixsig: ready\nnixsig: stopping\n')
  log('info', 'later')
  const [second] = await once(stream, 'data')
  assert.equal(String(second), 'nixsig: later\n')
})

test('each line has in front what its level asks for', async () => {
  const stream = new PassThrough()
  const log = openLog(
    'json',
    writeTo(stream, level => `[${level}]`),
  )
  log('warning', 'one')
  log('error', 'two')
  const [written] = await once(stream, 'data')
  const lines = String(written).trim().split('\n')
  assert.deepEqual(
    lines.map(line => line.slice(0, line.indexOf('{'))),
    ['[warning]', '[error]'],
  )
})

test('a process outlives the reader of its log', async () => {
  const program = `
    const { openLog, writeTo } = await import(process.argv[1])
    const log = openLog('json', writeTo(process.stderr))
    process.stdin.once('data', () => {
      for (let n = 0; n < 10; n++) log('info', 'nobody hears this')
      setTimeout(() => process.exit(42), 100)
    })
    log('info', 'begun')
  `
  const url = await compiledModule('src/gate/log.ts')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, url], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  await once(child.stderr, 'data')
  child.stderr.destroy()
  child.stdin.write('go on\n')
  const [status] = await once(child, 'exit')
  assert.equal(status, 42)
})
