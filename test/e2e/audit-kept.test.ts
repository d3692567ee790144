// An audit that is interrupted ends at once, and leaves what an earlier one kept, and reports, whole.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { parseAudit } from '../../src/audit/parse.ts'
import { parseKept } from '../../src/audit/parse-kept.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, withGuardedWorld } from '../support/guarded-world.ts'
import { OLDEST, type World } from '../support/world.ts'

const KEPT = '/var/lib/nixsig/audit/kept'
const REPORTS = { cyclonedx: '/root/reports/bom', spdx: '/root/reports/spdx', html: '/root/reports/page' }
const AUDIT = '/opt/nixsig/nixsig audit --store --json'
const REPORTING = `${AUDIT} ${Object.entries(REPORTS)
  .map(([name, file]) => `--${name} ${file}`)
  .join(' ')}`
/** Milliseconds between the signal and the end; seconds on a machine that has other work. */
const SOON = 3000

/** Half files, of reports or of what is kept. */
async function halves(world: World): Promise<string> {
  return world.output('ls -A /root/reports /var/lib/nixsig/audit 2> /dev/null | grep "~" || true')
}

for (const version of OLDEST) {
  test(`${version}: Ctrl-C at any moment ends an audit, and what it writes is whole or not there`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      const made = cachedPath('a', 'a\n', [BUILDER])
      stock(upstream, made)
      await world.output(
        `mkdir /root/reports; nix-store --realise --add-root /root/a --indirect ${made.path}`,
      )
      const begun = performance.now()
      const whole = await world.output(REPORTING)
      const took = performance.now() - begun
      const endings: Readonly<Record<string, string>> = { cyclonedx: '}\n', spdx: '}\n', html: '</html>\n' }
      const seen = new Set<string>()
      for (let step = 1; step <= 14; step++) {
        for (const file of [KEPT, ...Object.values(REPORTS)]) rmSync(world.path(file), { force: true })
        const seconds = ((took * step) / 12 / 1000).toFixed(3)
        const { stdout } = await world.run(
          `${REPORTING} > /root/cut & sleep ${seconds}; a=$(date +%s%N); kill -INT $!; wait $!; s=$?; b=$(date +%s%N); echo "status $s after $(( (b - a) / 1000000 ))"`,
        )
        const [, status = stdout, after = ''] = /status (\d+) after (\d+)/.exec(stdout) ?? []
        assert.ok(status === '130' || status === '0', `after ${seconds} s: ${stdout}`)
        assert.ok(Number(after) < SOON, `ended ${after} ms after the signal`)
        seen.add(status)
        assert.equal(await halves(world), '', `after ${seconds} s`)
        if (existsSync(world.path(KEPT))) parseKept(readFileSync(world.path(KEPT)))
        for (const [name, file] of Object.entries(REPORTS)) {
          const text = existsSync(world.path(file)) ? world.read(file) : undefined
          assert.ok(text?.trimEnd().endsWith((endings[name] ?? '').trim()) ?? true, name)
        }
      }
      assert.ok(seen.has('130'), 'none was interrupted')
      parseAudit(Buffer.from(whole))
      const { time: _, ...then } = JSON.parse(whole) as { time: number }
      const { time: __, ...now } = JSON.parse(await world.output(AUDIT)) as { time: number }
      assert.deepEqual(now, then)
    }))
}
