import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lookAtVersions } from '../../src/setup/in-force.ts'

test('the gates of this machine, by the process that each starts, and none of a container', () => {
  const proc = mkdtempSync(join(tmpdir(), 'nixsig-proc-'))
  try {
    const processes: readonly (readonly [string, readonly string[]])[] = [
      [
        '/',
        ['node', '--max-semi-space-size=4', '/opt/nixsig-versions/0.1.0-0123456789ab/nixsig', 'serve-http'],
      ],
      ['/', ['node', '/opt/nixsig/nixsig', 'serve']],
      ['/', ['grep', 'serve-http']],
      ['/usr', ['node', '/opt/nixsig/nixsig', 'serve-http']],
    ]
    for (const [index, [root, words]] of processes.entries()) {
      const directory = join(proc, String(index + 7))
      mkdirSync(directory)
      writeFileSync(join(directory, 'cmdline'), words.map(word => `${word}\0`).join(''))
      symlinkSync(root, join(directory, 'root'))
    }
    assert.deepEqual(lookAtVersions(proc).gates, ['/opt/nixsig-versions/0.1.0-0123456789ab'])
  } finally {
    rmSync(proc, { recursive: true })
  }
})
