// takes: 2 minutes
/**
 * A machine on its way from warnings to refusals: it existed before nixsig, was switched to a system
 * that only warns, was used, and then adopted. docs/how-to/adopt.md.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivation, withInputs } from '../support/expressions.ts'
import { freePort } from '../support/gate-process.ts'
import { CACHE, ENFORCING, MALLORY, offer, withUnswitched } from '../support/nixos-machine.ts'
import { VERSIONS } from '../support/world.ts'

const WARNING = ENFORCING.replace('mode = "enforce";', 'mode = "warn";')
const NIXSIG = '/run/current-system/sw/bin/nixsig'

for (const version of VERSIONS) {
  test(`${version}: from warn to enforce and back`, { timeout: 900_000 }, async context => {
    await withUnswitched(version, await freePort(), '', async machine => {
      const { world } = machine
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)
      const current = () => world.output('readlink /run/current-system')
      let foisted = ''
      let tool = ''

      await step('built and switched to before anything was judged', async () => {
        world.write('/srv/tool.nix', derivation('tool'))
        tool = await world.output('nix-build --no-out-link /srv/tool.nix')
        const system = await machine.system(WARNING)
        const { status, stderr } = await machine.switchTo(system)
        assert.equal(status, 0, stderr)
        await world.output('mount --bind /nix/store /nix/store; mount -o remount,bind,ro /nix/store')
        const judged = await world.run(`${NIXSIG} verify --recursive --quiet /run/current-system`)
        assert.notEqual(judged.status, 0)
      })

      await step(
        'used while it warns: built, and substituted from a listed cache and a stranger',
        async () => {
          const made = await machine.build(withInputs('made', [derivation('tool')]))
          assert.equal(made.status, 0, made.stderr)
          const cached = await offer(machine, 'cached', CACHE)
          foisted = await offer(machine, 'foisted', MALLORY)
          // As of what strangers have, this machine has no derivation of it.
          await world.output('nix-store --delete $(ls -d /nix/store/*-foisted.drv)')
          for (const path of [cached, foisted]) {
            const { status, stderr } = await world.run(`nix-store --realise ${path}`, { user: 'alice' })
            assert.equal(status, 0, stderr)
          }
          const { status } = await world.run(`${NIXSIG} verify ${cached}`)
          assert.equal(status, 0)
        },
      )

      await step('what there is to do is shown, and changes nothing', async () => {
        const { status, stdout, stderr } = await world.run(`${NIXSIG} adopt /run/current-system --dry-run`)
        assert.equal(status, 0, stdout + stderr)
        assert.match(
          stdout,
          /^would be adopted: \d+ of \d+ paths \(0 admitted before, \d+ vouched for, [1-9]\d* to be built again\)$/m,
        )
        assert.match(stdout, /^time: about /m)
        assert.notEqual(
          (await world.run(`${NIXSIG} verify --recursive --quiet /run/current-system`)).status,
          0,
        )
      })

      await step(
        'the system is adopted, and so is what was made; what nobody vouches for is named',
        async () => {
          const { status, stdout, stderr } = await world.run(
            `${NIXSIG} adopt /run/current-system ${tool} ${foisted}`,
            {
              timeout: 600_000,
            },
          )
          assert.equal(status, 11, stdout + stderr)
          assert.match(stdout, /^left: 1 path$/m)
          assert.match(stdout, /^no derivation in this store makes it[^\n]*\n {2}\S+-foisted$/m)
          assert.match(stdout, /^security\.nixsig\.exemptions = \[\n {2}\{\n {4}path = "\S+-foisted";/m)
          const judged = await world.run(`${NIXSIG} verify --recursive --quiet /run/current-system`)
          assert.equal(judged.status, 0, judged.stdout)
        },
      )

      await step('a system that enforces is switched to, and nobody has to attest it', async () => {
        const enforcing = await machine.system(ENFORCING)
        const { status, stderr } = await machine.switchTo(enforcing)
        assert.equal(status, 0, stderr)
        assert.equal(await current(), enforcing)
        const judged = await world.run(`${NIXSIG} verify --recursive --quiet /run/current-system ${tool}`)
        assert.equal(judged.status, 0, judged.stdout)
      })

      await step('what was adopted is built from, and what was not is refused', async () => {
        const { status, stderr } = await machine.build(withInputs('from-tool', [derivation('tool')]))
        assert.equal(status, 0, stderr)
        const refused = await machine.build(withInputs('from-foisted', [`(builtins.storePath ${foisted})`]))
        assert.notEqual(refused.status, 0)
        assert.match(
          refused.stderr,
          /refused \S+-foisted \(output\)|its input \S+-foisted \(output\) is refused/,
        )
      })

      await step('the next switch works, and the way back does', async () => {
        const next = await machine.system(`${ENFORCING} settings.nix.refusal-line-versions = [ "9.9.9" ];`)
        const { status, stderr } = await machine.switchTo(next)
        assert.equal(status, 0, stderr)
        const back = await machine.switchTo(await machine.system(WARNING))
        assert.equal(back.status, 0, back.stderr)
        assert.match(world.read('/etc/nixsig/policy.toml'), /^mode = "warn"$/m)
      })
    })
  })
}
