// `nixsig audit --html` with real Nix: the page shows what `--json` tells.
//
// needs: browser
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { PageData } from '../../src/report/page-shape.ts'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { Reader } from '../page/reader.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { POLICY } from '../support/trust.ts'
import { NEWEST, type World } from '../support/world.ts'

const PAGE = '/root/audit.html'

interface Told {
  readonly paths: readonly { readonly path: string; readonly outcome: string; readonly nar_size: number }[]
}

/** What lies in the page. */
function dataOf(html: string): PageData {
  const [, packed = ''] = /id="audit">([^<]*)</.exec(html) ?? []
  return JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as PageData
}

/** A path that is trusted, and one that was built here; the commands of the page of the manual. */
async function fill(world: World, upstream: Parameters<typeof stock>[0]): Promise<void> {
  world.write(POLICY, world.read(POLICY).replace(/^mode = .*$/m, 'mode = "warn"'))
  const good = cachedPath('good', 'good\n', [BUILDER])
  stock(upstream, good)
  await world.output(`nix-store --realise --add-root /root/good --indirect ${good.path}`)
  await world.output('mkdir -p /usr/local/bin && ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
  // Everything is trusted: the commands end with 0.
  await runAll(world, commandsOf('docs/how-to/read-the-page.md'))
  world.write('/root/own.nix', nix.derivation('own'))
  await world.output('nix-build -o /root/result /root/own.nix')
}

/** A path by somebody whom nobody lists. */
async function bringIn(world: World): Promise<void> {
  const strange = cachedPath('strange', 'strange\n', [STRANGER])
  writeCache(world.path('/srv/cache'), [strange])
  await world.output(
    `nix --extra-experimental-features nix-command copy --no-check-sigs --from file:///srv/cache ${strange.path}`,
  )
}

for (const version of NEWEST) {
  test(`${version}: the page has the paths, sizes and verdicts of the audit, and opens in a browser`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      await fill(world, upstream)
      await bringIn(world)
      const { stdout } = await world.run(`/opt/nixsig/nixsig audit --store --json --html ${PAGE}`)
      const told = JSON.parse(stdout) as Told
      const html = world.read(PAGE)
      const { paths } = dataOf(html)
      assert.deepEqual(
        paths.map(({ path, size }) => [path, size]),
        told.paths.map(({ path, nar_size }) => [path, nar_size]),
      )
      for (const [at, { outcome }] of told.paths.entries()) {
        const standing = paths[at]?.standing ?? ''
        const expected =
          { trusted: /^(trusted|exempt|unasked)$/, untrusted: /^refused$/ }[outcome] ?? /^undecided$/
        assert.match(standing, expected)
      }
      assert.ok(paths.some(({ standing }) => standing === 'refused'))
      const reader = await Reader.start()
      try {
        const { page, complaints } = await reader.open(reader.keep(html))
        const refused = paths.filter(({ standing, isAsked }) => standing === 'refused' && isAsked).length
        assert.match((await page.locator('.lede').textContent()) ?? '', new RegExp(`^${refused} `))
        assert.match((await page.locator('.legend').textContent()) ?? '', new RegExp(`Refused ${refused}`))
        assert.deepEqual(complaints, [])
      } finally {
        await reader.end()
      }
    }))
}

everyBlockWasRun('e2e/audit-page')
