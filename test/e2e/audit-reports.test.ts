// `nixsig audit` with real Nix writes SARIF, CycloneDX and SPDX, as docs/how-to/reports.md shows it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { POLICY } from '../support/trust.ts'
import { OLDEST } from '../support/world.ts'

const PAGE = 'docs/how-to/reports.md'
const COPY = 'nix --extra-experimental-features nix-command copy --no-check-sigs --from file:///srv/cache'
const LOCK = { nodes: { root: {} }, root: 'root', version: 7 }

for (const version of OLDEST) {
  test(`${version}: the reports have what the audit has, and what is refused is at its rule`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      await world.output('mkdir -p /usr/local/bin && ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
      world.write('/root/flake.lock', JSON.stringify(LOCK))
      const good = cachedPath('good-1.0', 'good\n', [BUILDER])
      const above = cachedPath('above-2.0', `${good.path}\n`, [BUILDER], { references: [good.path] })
      stock(upstream, good, above)
      await world.output(
        `nix-store --realise --add-root /root/above --indirect ${above.path} && ln -s ${above.path} /root/result`,
      )
      await runAll(world, commandsOf(PAGE))
      const bom = JSON.parse(world.read('/root/audit.cdx.json'))
      const [component] = bom.components.filter((one: { name: string }) => one.name === 'above')
      assert.equal(component['bom-ref'], above.path)
      assert.equal(component.version, '2.0')
      const signed: readonly string[] = component.properties.flatMap(
        ({ name, value }: { name: string; value: string }) => (name === 'nix:narinfo:sig' ? [value] : []),
      )
      // The gate signs what it lets in as well.
      assert.equal(signed.filter(signature => signature.startsWith('builder-1:')).length, 1)
      const depends = bom.dependencies.find(({ ref }: { ref: string }) => ref === above.path)
      assert.deepEqual(depends.dependsOn, [good.path])
      const spdx = JSON.parse(world.read('/root/audit.spdx.json'))
      assert.ok(spdx.packages.some((one: { packageFileName?: string }) => one.packageFileName === good.path))
      assert.deepEqual(refusedIn(world.read('/root/audit.sarif')), [])

      const strange = cachedPath('strange-3.0', 'strange\n', [STRANGER])
      writeCache(world.path('/srv/cache'), [strange])
      const policy = world.read(POLICY)
      world.write(POLICY, policy.replace(/^mode = .*$/m, 'mode = "warn"'))
      await world.output(`${COPY} ${strange.path}`)
      world.write(POLICY, policy)
      const { stdout, status } = await world.run(`nixsig audit ${strange.path} --sarif -`)
      assert.notEqual(status, 0)
      const [refused] = refusedIn(stdout)
      assert.match(refused?.message.text ?? '', /^strange: /)
      assert.equal(refused?.level, 'warning', 'it was let in')
      const { artifactLocation, region } = refused?.locations[0].physicalLocation ?? assert.fail()
      assert.equal(artifactLocation.uri, POLICY.slice(1))
      assert.match(policy.split('\n')[region.startLine - 1] ?? '', /^\[(\[rules\]\]|default\])/)

      for (const [args, said] of [
        ['--json --sarif -', /--sarif - and --json: only one of them can be printed/],
        ['--sarif - --spdx -', /--sarif - and --spdx -: only one/],
        ['--spdx /dev/null', /--spdx \/dev\/null: there is something else than a file/],
        ['--sarif x --sarif-lock none', /--sarif-lock none: no such file/],
      ] as const) {
        assert.match((await world.run(`cd /root && nixsig audit ${good.path} ${args}`)).stderr, said)
      }
    }))
}

interface Result {
  readonly level: string
  readonly message: { readonly text: string }
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string }
        readonly region: { readonly startLine: number }
      }
    },
  ]
}

function refusedIn(sarif: string): readonly Result[] {
  const results: readonly Result[] = JSON.parse(sarif).runs[0].results
  return results.filter(({ message }) => message.text.includes('. Next: '))
}

everyBlockWasRun('e2e/audit-reports')
