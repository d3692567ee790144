// Machines whose store or state lies otherwise than usual: on overlayfs, on mounts of their own,
// bound from elsewhere, lost at each boot.
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'

/** How a machine is arranged, as root does it before Nix runs. */
const ARRANGED: Readonly<Record<string, string>> = {
  'overlayfs below /nix, its upper layer on tmpfs': `mkdir -p /srv/layer && mount -t tmpfs tmpfs /srv/layer && mkdir /srv/layer/up /srv/layer/work &&
    mount -t overlay overlay -o lowerdir=/nix,upperdir=/srv/layer/up,workdir=/srv/layer/work /nix`,
  'a store that is mounted read-only, as on NixOS': `nix-store --init && mount --bind /nix/store /nix/store && mount -o remount,ro,bind /nix/store`,
  'store, database and state on file systems of their own': `for place in /nix/store /nix/var ${STATE}; do mkdir -p $place && mount -t tmpfs -o mode=755 tmpfs $place; done; chmod 1775 /nix/store`,
  'state and policy bound from where they last': `for place in ${STATE} /etc/nixsig; do mkdir -p /srv/persist$place $place && mount --bind /srv/persist$place $place; done`,
  'a link in place of /var/lib': `mkdir -p /srv/persist && chmod 755 /srv/persist && mv /var/lib /srv/persist/lib && ln -s /srv/persist/lib /var/lib`,
}

const RULES = `[[rules]]\nmatch.name = "refused*"\nrequire.output = "alice"\n${byDefault('nothing', 'nothing', 'self')}`

async function setRules(world: World): Promise<void> {
  await setPolicy(world, policyText({ alice: [signer('alice')] }, RULES))
}

/** Builds, refuses, builds upon what is there, and judges again. */
async function livesHere(world: World): Promise<void> {
  const build = (name: string, text: string) => {
    world.write(`/srv/${name}.nix`, text)
    return world.run(`nix-build --no-out-link /srv/${name}.nix`)
  }
  const good = await build('good', nix.derivation('good'))
  assert.equal(good.status, 0, good.stderr)
  const refused = await build('refused', nix.derivation('refused'))
  assert.notEqual(refused.status, 0)
  assert.match(refused.stderr, /needs alice for its output/)
  assert.match(
    (await build('upon', nix.withInputs('upon', [nix.derivation('refused')]))).stderr,
    /needs alice/,
  )
  const upon = await build('more', nix.withInputs('more', [nix.derivation('good')]))
  assert.equal(upon.status, 0, upon.stderr)
  for (const path of [good.stdout.trim(), upon.stdout.trim()]) {
    const judged = await world.run(`/opt/nixsig/nixsig verify ${path}`)
    assert.equal(judged.status, 0, judged.stderr + judged.stdout)
  }
  const valid = await world.output('nix-store --gc --print-dead; nix-store --gc --print-live')
  assert.doesNotMatch(valid, /-refused$/m)
  assert.equal((await world.run('nix-store --verify --check-contents')).status, 0)
}

for (const version of VERSIONS) {
  for (const [what, how] of Object.entries(ARRANGED)) {
    test(`${version}: ${what}`, () =>
      withWorld(version, { resident: 'none' }, async world => {
        await world.output(`rm -rf ${STATE}; ${how}`)
        await setRules(world)
        await livesHere(world)
      }))
  }

  test(`${version}: a link in place of the state is refused, with what to do`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await world.output(`rm -rf ${STATE}; mkdir -p /srv/persist && ln -s /srv/persist ${STATE}`)
      await setRules(world)
      world.write('/srv/good.nix', nix.derivation('good'))
      const { status, stderr } = await world.run('nix-build --no-out-link /srv/good.nix')
      assert.notEqual(status, 0)
      assert.match(stderr, /\/var\/lib\/nixsig is not a directory but a symbolic link: .*\(mount --bind\)/)
    }))

  test(`${version}: a build into another store is refused as such, and what was built here can be copied there`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await setRules(world)
      world.write('/srv/good.nix', nix.derivation('good'))
      const there = await world.run('nix-build --no-out-link --store /mnt /srv/good.nix')
      assert.notEqual(there.status, 0)
      assert.match(
        there.stderr,
        /good\.drv is not in the store of this machine; if Nix builds into another store/,
      )
      // Here is the derivation, and not what it makes.
      await world.output('nix-instantiate /srv/good.nix')
      const both = await world.run('nix-build --no-out-link --store /mnt /srv/good.nix')
      assert.notEqual(both.status, 0)
      assert.match(both.stderr, /what it made is not in the store of this machine; .*nix copy --to STORE/)
      assert.doesNotMatch(both.stderr, /quarantine list/)
      const good = await world.output('nix-build --no-out-link /srv/good.nix')
      await world.output(`nix copy --no-check-sigs --to /mnt2 ${good}`)
      assert.ok(world.exists(`/mnt2${good}`))
    }))

  test(`${version}: a state that is lost at a boot is made anew, and lets in nothing that it should not`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await setRules(world)
      await livesHere(world)
      await world.output(`rm -rf ${STATE}`)
      const { status, stderr } = await world.run('nix-build --no-out-link /srv/refused.nix')
      assert.notEqual(status, 0)
      assert.match(stderr, /needs alice for its output/)
      // What was built before counts as unknown, and says so.
      const judged = await world.run('/opt/nixsig/nixsig verify $(nix-build --no-out-link /srv/good.nix)')
      assert.notEqual(judged.status, 0)
    }))
}
