// `make check`, as in CONTRIBUTING.md: the C parts, tested with known answers and sanitizers.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

test('make check finds nothing wrong', () => {
  const out = mkdtempSync(join(tmpdir(), 'nixsig-check-'))
  try {
    const directory = join(PROJECT_ROOT, 'nix/plugin')
    const made = spawnSync('make', ['-s', '-C', directory, 'check', `OUT=${out}`], { encoding: 'utf8' })
    assert.equal(made.status, 0, made.stdout + made.stderr)
    assert.match(made.stdout, /^nothing is wrong$/m)
  } finally {
    rmSync(out, { recursive: true })
  }
})
