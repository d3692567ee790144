// The clock that tells the date is set back and forward, by people and over the network: nothing that waits may go by it.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

function linesOf(folder: string, suffix: string): readonly string[] {
  const files = readdirSync(join(PROJECT_ROOT, folder), { recursive: true, encoding: 'utf8' })
  return files
    .filter(name => name.endsWith(suffix))
    .flatMap(name => {
      const text = readFileSync(join(PROJECT_ROOT, folder, name), 'utf8')
      return text.split('\n').map(line => `${name}: ${line.trim()}`)
    })
}

test('fault: no end of a wait is told by the date, which is set back while somebody waits', () => {
  const lines = ['src', 'hooks'].flatMap(folder => linesOf(folder, '.ts'))
  assert.ok(lines.length > 10_000)
  assert.deepEqual(
    lines.filter(line => /(?<!- )Date\.now\(\) (\+|>)/.test(line)),
    [],
  )
})

test('fault: nor in C', () => {
  const lines = linesOf('nix/plugin', '.c')
  assert.ok(lines.some(line => line.includes('CLOCK_MONOTONIC')))
  assert.deepEqual(
    lines.filter(line => /CLOCK_REALTIME|pthread_\w+_timed|time\(NULL\) -|date_ms\(\) [+>]/.test(line)),
    [],
  )
})
