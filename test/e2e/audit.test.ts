// `nixsig audit` with real Nix: what it finds is what `nixsig verify` and the files on the disk say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { assertSchema } from '../support/schema.ts'
import { POLICY } from '../support/trust.ts'
import { OLDEST, type World } from '../support/world.ts'

interface Told {
  readonly paths: readonly { readonly path: string; readonly outcome: string }[]
}

async function auditOf(world: World, args = ''): Promise<Told> {
  const { stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit --json ${args}`)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  assertSchema('audit', stdout)
  return JSON.parse(stdout) as Told
}

function edited(world: World, change: (toml: string) => string): void {
  world.write(POLICY, change(world.read(POLICY)))
}

for (const version of OLDEST) {
  test(`${version}: it finds what verify says`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      edited(world, toml => toml.replace(/^mode = .*$/m, 'mode = "warn"'))
      const good = cachedPath('good', 'good\n', [BUILDER])
      const strange = cachedPath('strange', 'strange\n', [STRANGER])
      stock(upstream, good)
      writeCache(world.path('/srv/cache'), [strange])
      await world.output(`nix-store --realise --add-root /root/good --indirect ${good.path}`)
      await world.output(
        `nix --experimental-features nix-command copy --no-check-sigs --from file:///srv/cache ${strange.path}`,
      )
      world.write('/root/own.nix', nix.derivation('own'))
      await world.output('nix-build -o /root/result /root/own.nix')
      edited(world, toml => toml.replace(/^mode = .*$/m, 'mode = "enforce"'))
      const audit = await auditOf(world, '--store')
      assert.equal(audit.paths.length, 4)
    }))
}
