// takes: 1 minute
/**
 * Every example of docs/how-to/nixos.md can be lived under: on a machine that was switched to it, a
 * small system is built by its policy, under real hooks, and would be switched to. What it promises
 * to refuse is refused.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { blocksOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { derivation, fetchurl, withInputs } from '../support/expressions.ts'
import { BUILDS_THERE, bringCheckout, build, MACHINE_CONF, systemOf } from '../support/nixos.ts'
import { EXAMPLES } from '../support/nixos-cases.ts'
import { signer } from '../support/trust.ts'
import { NEWEST, type World, withMachine } from '../support/world.ts'

const NIXSIG = '/run/current-system/sw/bin/nixsig'

/** Nobody publishes at the addresses of the examples; a source that never answered leaves all undecided. */
const OFFLINE = '{ lib, ... }: { security.nixsig.attestations.sources = lib.mkForce [ ]; }'

/** What some of them refuse, by name: whoever a release, or a system, needs. */
const REFUSED: Readonly<Record<string, { readonly what: 'release' | 'system'; readonly why: RegExp }>> = {
  trusting: { what: 'release', why: /-hello-2\.12\.tar\.gz \(fetched source\).*needs alice as developer/ },
  subscribed: { what: 'release', why: /-hello-2\.12\.tar\.gz \(fetched source\).*needs 2 of 2 community/ },
  lists: {
    what: 'release',
    why: /-hello-2\.12\.tar\.gz \(fetched source\)[\s\S]*the list debian is not here/,
  },
  expressions: { what: 'system', why: /-nixos-system-box\.drv \(derivation\)[\s\S]*approv/ },
}

/** As small as a system gets: a release, a patch of it, and a file of /etc. */
function smallSystem(world: World, example: string, release: string, name: string): string {
  const at = (file: string) => `/srv/${example}/${file}`
  const texts = [`${release}.tar.gz`, 'fix.patch', 'configuration.nix'].map(file => {
    const text = `${file} for ${example}\n`
    world.write(at(file), text)
    return text
  })
  const digest = createHash('sha256')
    .update(texts[0] ?? '')
    .digest('hex')
  const tarball = fetchurl(`${release}.tar.gz`, `file://${at(`${release}.tar.gz`)}`, digest)
  const program = withInputs(release, [tarball, at('fix.patch')])
  const etc = withInputs('etc', [at('configuration.nix'), derivation(`unit-${example}.service`)])
  return withInputs(name, [program, etc])
}

test('the examples', { timeout: 600_000 }, async context => {
  const [version] = NEWEST
  await withMachine(version ?? 'sid', async world => {
    bringCheckout(world)
    world.write('/etc/nix/nix.conf', MACHINE_CONF)
    for (const name of ['nixsig-machine-key', 'nixsig-gate-key', 'cache-token'])
      world.write(`/run/secrets/${name}`, `${printNixSecretKey(signer(name).key)}\n`, 0o400)
    world.write('/etc/nixos/upload', '#!/bin/sh\n', 0o755)

    // While nothing is refused yet.
    const systems = new Map<string, string>()
    for (const { name, module } of EXAMPLES) {
      const system = await build(
        world,
        `(${systemOf(module, BUILDS_THERE, OFFLINE)}).config.system.build.toplevel`,
      )
      assert.equal(system.status, 0, system.stderr)
      systems.set(name, system.stdout.trim())
    }

    for (const [example, system] of systems) {
      await context.test(example, async () => {
        const switched = await world.run(`NIXOS_NO_CHECK=1 ${system}/bin/switch-to-configuration switch`)
        assert.equal(switched.status, 0, switched.stderr)
        await world.output('systemctl start nixsig nix-daemon')
        const attempt = (release: string, name: string) => {
          world.write('/srv/small.nix', smallSystem(world, example, release, name))
          return world.run('nix-build --no-out-link --option substitute false /srv/small.nix', {
            user: 'alice',
          })
        }
        for (const block of blocksOf('docs/how-to/nixos.md'))
          if (block.language === `nix ${example}`) markRun(block, world.version)
        const refused = REFUSED[example]
        const name = refused?.what === 'system' ? 'small' : 'nixos-system-box'
        const made = await attempt('linux-6.12', name)
        assert.equal(made.status, 0, made.stderr)
        const judged = await world.run(`${NIXSIG} verify --recursive --by-mode ${made.stdout.trim()}`)
        assert.equal(judged.status, 0, judged.stdout)
        if (refused === undefined) return
        const other =
          refused.what === 'release'
            ? await attempt('hello-2.12', name)
            : await attempt('linux-6.12', 'nixos-system-box')
        assert.notEqual(other.status, 0)
        assert.match(other.stderr, refused.why)
      })
    }
  })
})

everyBlockWasRun('e2e/nixos-examples')
