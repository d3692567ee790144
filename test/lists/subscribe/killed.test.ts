// An update that is killed before any of its changes to the disk: the old book stays in force until the
// new one is whole, and the next update goes on.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build } from 'esbuild'
import type { ListUpdates } from '../../../src/policy/lists/book.ts'
import type { Kept } from '../../support/lists/keeping.ts'
import { BOTH, revoke, type Taker, withTaker } from '../../support/lists/listed.ts'
import { publishBy } from '../../support/lists/subscribing.ts'

/** Kills its process before the Nth change of a file; what it changes is said. */
const KILLING = `const fs = require('node:fs')
const at = Number(process.env.KILL_AT)
let count = 0
for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'unlinkSync', 'writeSync', 'fsyncSync']) {
  const real = fs[name]
  fs[name] = (...args) => {
    if (process.env.BEGUN && ++count === at) process.kill(process.pid, 'SIGKILL')
    return real(...args)
  }
}
require('node:module').syncBuiltinESMExports()
`

mkdirSync(join(PROJECT_ROOT, '.build'), { recursive: true })
const dir = mkdtempSync(join(PROJECT_ROOT, '.build/killed-update-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const [killer, program] = [join(dir, 'killer.cjs'), join(dir, 'update.mjs')]

before(async () => {
  writeFileSync(killer, KILLING)
  const from = (file: string) => JSON.stringify(join(PROJECT_ROOT, 'src/lists', file))
  await build({
    stdin: {
      contents: `import { updateList } from ${from('subscribe/update.ts')}
        import { directorySource } from ${from('tuf/source.ts')}
        const [directory, out, now, mode] = process.argv.slice(2)
        process.env.BEGUN = '1'
        const asked = { name: 'ex', url: out, directory, mode, revocations: 'at-once', now: Number(now) }
        await updateList({ ...asked, source: directorySource(out), agree: async () => mode === 'auto' })`,
      resolveDir: PROJECT_ROOT,
    },
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
})

/** Whether it was killed. */
function updateKilled(taker: Taker, kept: Kept, mode: ListUpdates['mode'], at: number): boolean {
  const args = ['--require', killer, program, taker.directory, kept.out, String(kept.now), mode]
  const { signal, status, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, KILL_AT: String(at) },
    encoding: 'utf8',
  })
  assert.ok(signal === 'SIGKILL' || status === 0, stderr)
  return signal === 'SIGKILL'
}

for (const mode of ['auto', 'ask'] as const)
  test(`${mode}: an update that is killed anywhere`, () =>
    withTaker(async (taker, kept) => {
      kept.add('eve', 2)
      revoke(kept, 'dora')
      await publishBy(kept, ...BOTH)
      const saved = join(dir, mode)
      cpSync(taker.directory, saved, { recursive: true })
      const isTaken = mode === 'auto'
      for (let at = isTaken ? 1 : 2; ; at += 7) {
        rmSync(taker.directory, { recursive: true })
        cpSync(saved, taker.directory, { recursive: true })
        const killed = updateKilled(taker, kept, mode, at)
        const { version, principal, revocations } = taker.book()
        const isNew = revocations.length === 1
        assert.equal(version, isNew && isTaken ? 2 : 1, `${at}`)
        assert.equal(principal('ex/eve') !== undefined, isNew && isTaken, `${at}`)
        await taker.update({ mode, agree: async () => isTaken })
        assert.deepEqual(
          [taker.book().version, taker.book().revocations.length],
          [isTaken ? 2 : 1, 1],
          `${at}`,
        )
        if (!killed) return
      }
    }))

test('where the server is gone, an update that was killed is brought to its end all the same', () =>
  withTaker(async (taker, kept) => {
    kept.add('eve', 2)
    await publishBy(kept, ...BOTH)
    const saved = join(dir, 'offline')
    cpSync(taker.directory, saved, { recursive: true })
    taker.served.set('metadata/timestamp.json', null)
    const reached = new Set<number>()
    for (let at = 3; ; at += 7) {
      rmSync(taker.directory, { recursive: true })
      cpSync(saved, taker.directory, { recursive: true })
      const killed = updateKilled(taker, kept, 'auto', at)
      const before = taker.book().version
      const { kind } = await taker.update({ mode: 'auto' })
      assert.equal(kind, 'failed')
      assert.ok(taker.book().version >= before)
      reached.add(taker.book().version - before)
      if (!killed) break
    }
    assert.deepEqual([...reached].sort(), [0, 1])
  }))
