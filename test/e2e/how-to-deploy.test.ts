// docs/how-to/deploy.md, run as it is written: a builder's store, which signs, and a machine with
// the store plugin, which judges what comes from there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockOf, type Commands, commandsOf, exampleOf } from '../docs/markdown.ts'
import { POLICY, runAll, STOCK, settledIn, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { lookFor, messagesOf } from '../docs/shown.ts'
import { withCopies } from '../support/copied-worlds.ts'
import * as nix from '../support/expressions.ts'
import { EVERY_VERSION, type World } from '../support/world.ts'

const PAGE = 'docs/how-to/deploy.md'
const BUILDER = '/srv/other'
const NIX = 'nix --extra-experimental-features nix-command'

/** A system whose files, like a real one's, are of another derivation. */
const SYSTEM = nix.derivation('nixos-system-box', {
  build: 'mkdir $out; ln -s $inputs/etc $out/etc',
  inputs: [
    nix.derivation('etc', { build: 'mkdir -p $out/etc/nixsig; cp /srv/policy.toml $out/etc/nixsig/' }),
  ],
})

/** A command of the page, as the builder runs it. */
function atBuilder(commands: readonly Commands[], conf = ''): readonly Commands[] {
  const config = `plugin-files =\npre-build-hook =\npost-build-hook =\n${conf}`
  return commands.map(each => ({
    ...each,
    script: `export NIX_REMOTE=${BUILDER} NIX_CONFIG='${config}'\n${each.script}`,
  }))
}

function signaturesOf(world: World, path: string, store = ''): Promise<string> {
  return world.output(`${NIX} path-info ${store} --sigs ${path}`)
}

for (const version of EVERY_VERSION) {
  test(`${version}: ${PAGE}`, () =>
    withCopies(
      version,
      async ({ world, make, isValid }) => {
        await settledIn(world)
        await world.output(
          'nix-store --generate-binary-cache-key builder-1 /etc/nix/builder-1.secret builder-1.pub',
        )
        usePolicy(world, exampleOf(PAGE, 'Sign', 'toml'))
        world.write('/srv/policy.toml', world.read(POLICY))
        const path = await make('system', SYSTEM)
        const copy = () => world.run(`${NIX} copy --no-check-sigs --from ${BUILDER} ${path}`)

        const refused = await copy()
        assert.notEqual(refused.status, 0)
        lookFor(messagesOf(PAGE, 'Which tool runs what'), refused.stderr, version)
        await world.output(`ln -sfn ${path} /run/current-system`)
        await runAll(world, atBuilder(commandsOf(PAGE, 'Sign')))
        const copied = await copy()
        assert.equal(copied.status, 0, copied.stderr)
        assert.ok(await isValid(path))

        const conf = blockOf(PAGE, 'Sign', 'conf')
        world.write('/root/next.nix', nix.derivation('next'))
        const [built = assert.fail()] = atBuilder(
          [{ ...conf, script: 'nix-build --no-out-link next.nix', refused: false, answer: [] }],
          conf.text,
        )
        const next = await world.output(built.script)
        assert.match(await signaturesOf(world, next, `--store ${BUILDER}`), /\sbuilder-1:/)
        markRun(conf, version)

        await world.output(`sqlite3 /nix/var/nix/db/db.sqlite "update ValidPaths set sigs = null"`)
        assert.doesNotMatch(await signaturesOf(world, path), /builder-1:/)
        const bring = commandsOf(PAGE, 'Which tool runs what').map(each => ({
          ...each,
          script: each.script
            .replace('ssh://builder', BUILDER)
            .replace(/\/nix\/store\/…-nixos-system-…/, path),
        }))
        await runAll(world, bring)
        assert.match(await signaturesOf(world, path), /\sbuilder-1:/)

        await world.output(`ln -s ${path} result`)
        await runAll(world, commandsOf(PAGE, 'A new machine'))
      },
      STOCK,
    ))
}

everyBlockWasRun('e2e/how-to-deploy')
