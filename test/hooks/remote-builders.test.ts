import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasBuilders } from '../../hooks/remote-builders.ts'

test('whether there are remote builders, by the setting', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-builders-'))
  try {
    const machines = join(directory, 'machines')
    assert.equal(hasBuilders(''), false)
    assert.equal(hasBuilders(' ; \n'), false)
    assert.equal(hasBuilders(`@${machines}`), false)
    writeFileSync(machines, 'ssh://a\n')
    assert.equal(hasBuilders(`@${machines}`), true)
    assert.equal(hasBuilders('ssh://a - - 1'), true)
    assert.equal(hasBuilders(`@${directory}/none ; ssh://a`), true)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
