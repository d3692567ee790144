// An audit of a generated store of 10,000 outputs: its counts are those of Nix.
// takes: 3 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OUTPUTS, withMany } from '../support/stores/many.ts'
import { NEWEST } from '../support/world.ts'

for (const version of NEWEST) {
  test(`${version}: the counts of an audit of 10,000 paths are those of Nix`, async () => {
    const begun = performance.now()
    await withMany(version, async ({ world, root, outputs }) => {
      console.log('made in', performance.now() - begun)
      const closure = (await world.output(`nix-store -qR ${root}`)).split('\n')
      assert.deepEqual(closure.sort(), [...outputs].sort())
      const start = performance.now()
      const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit --json ${root}`, {
        timeout: 400_000,
      })
      console.log('audited in', performance.now() - start, stdout.length, stderr.slice(0, 2000))
      assert.equal(closure.length, OUTPUTS)
    })
  })
}
