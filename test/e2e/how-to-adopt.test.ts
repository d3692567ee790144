// docs/how-to/adopt.md, run as it is written.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CAUSES } from '../../src/adopt/cause.ts'
import { CAUSE_WORDS } from '../../src/adopt/cause-words.ts'
import { commandsOf, exampleOf } from '../docs/markdown.ts'
import { runAll, STOCK, settledIn, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { NO_HOOKS, top } from '../support/old-machine.ts'
import { POLICY } from '../support/trust.ts'
import { EVERY_VERSION, withWorld } from '../support/world.ts'

const PAGE = 'docs/how-to/adopt.md'

for (const version of EVERY_VERSION) {
  test(`${version}: ${PAGE}: from warn to enforce`, () =>
    withWorld(version, { resident: 'none', nixConf: STOCK }, async world => {
      await settledIn(world)
      await world.output(
        'nix-store --generate-binary-cache-key cache.nixos.org-1 secret cache.nixos.org-1.pub',
      )
      const make = async (name: string, key: string) => {
        world.write('/root/one.nix', nix.derivation(name))
        return world.output(`out=$(nix-build ${NO_HOOKS} --no-out-link one.nix)
          nix --extra-experimental-features nix-command copy --to "file:///srv/${name}${key}" $out >&2
          drv=$(nix-store -q --deriver $out); nix-store --delete $out $drv >&2
          nix --extra-experimental-features nix-command copy --no-check-sigs --from file:///srv/${name} $out >&2; echo $out`)
      }
      const paths = [await make('cached', '?secret-key=/root/secret'), await make('copied', '')]
      world.write('/root/system.nix', top([nix.withInputs('own', [nix.derivation('dep')])], paths))
      await world.output(`nix-build ${NO_HOOKS} -o system system.nix`)
      usePolicy(world, exampleOf(PAGE, 'Say whom you trust', 'toml'))
      world.write(POLICY, world.read(POLICY).replace(/^mode = .*$/m, 'mode = "warn"'))
      await runAll(world, commandsOf(PAGE))
      assert.match(world.read(POLICY), /^mode = "enforce"$/m)
    }))
}

test(`${PAGE} names every cause in the words of the program`, () => {
  const text = readFileSync(join(PROJECT_ROOT, PAGE), 'utf8')
  for (const code of CAUSES) {
    const [title = ''] = CAUSE_WORDS[code].title.split(/[,:]/)
    assert.ok(text.includes(title), title)
  }
})

everyBlockWasRun('e2e/how-to-adopt')
