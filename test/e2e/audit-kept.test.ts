// An audit that is interrupted leaves what an earlier one kept whole.
// takes: 1 minute
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { parseKept } from '../../src/audit/parse-kept.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, withGuardedWorld } from '../support/guarded-world.ts'
import { OLDEST } from '../support/world.ts'

const KEPT = '/var/lib/nixsig/audit/kept'
const AUDIT = '/opt/nixsig/nixsig audit --store --json'

for (const version of OLDEST) {
  test(`${version}: Ctrl-C at any moment ends an audit, and what is kept is whole or not there`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      const made = cachedPath('a', 'a\n', [BUILDER])
      stock(upstream, made)
      await world.output(`nix-store --realise --add-root /root/a --indirect ${made.path}`)
      const begun = performance.now()
      const whole = await world.output(AUDIT)
      const took = performance.now() - begun
      const seen = new Set<string>()
      for (let step = 1; step <= 12; step++) {
        rmSync(world.path(KEPT), { force: true })
        const seconds = ((took * step) / 10 / 1000).toFixed(3)
        const { stdout } = await world.run(
          `timeout --preserve-status -s INT ${seconds} ${AUDIT} > /root/cut; echo "status $?"`,
        )
        const [, status = stdout] = /status (\d+)/.exec(stdout) ?? []
        assert.ok(status === '130' || status === '0', `after ${seconds} s: ${stdout}`)
        seen.add(status)
        const bytes = await world.output(`test ! -e ${KEPT} || echo there`)
        if (bytes.includes('there')) parseKept(readFileSync(world.path(KEPT)))
      }
      assert.ok(seen.has('130'), 'none was interrupted')
      const { time: _, ...then } = JSON.parse(whole) as { time: number }
      const { time: __, ...now } = JSON.parse(await world.output(AUDIT)) as { time: number }
      assert.deepEqual(now, then)
    }))
}
