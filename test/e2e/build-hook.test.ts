// The program for Nix's build-hook setting: a refusal fails only its own goal, and the other goals
// go on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockOf, commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { contentsOf, packaged, policyText, publish, setPolicy, signer } from '../support/trust.ts'
import { EVERY_VERSION, type RunOptions, type Version, type World, withWorld } from '../support/world.ts'

const PACKAGER = signer('packager')
const PAGE = 'docs/how-to/build-hook.md'
const SHOWN = blockOf(PAGE, 'Keep one refusal from ending a whole build', 'conf')
const FILE = '/srv/all.nix'
const RULES = `[default]
require = { source = "nothing", derivation = "packager", output = "self" }
`
const REFUSED =
  /refused \/nix\/store\/\S+-bad\.drv \(derivation\) under rule "default": needs packager for its derivation/

interface Fronted {
  readonly world: World
  /** Of these names: the derivations, those of `good` signed. */
  instantiate(names: readonly string[]): Promise<readonly string[]>
  isBuilt(drv: string): Promise<boolean>
}

/** A world in which the front alone is there, or with the hooks beneath it. */
async function withFront(
  version: Version,
  use: (fronted: Fronted) => Promise<void>,
  { conf = {}, mode = 'enforce' }: { readonly conf?: Record<string, string>; readonly mode?: string } = {},
): Promise<void> {
  const [name = '', program = ''] = SHOWN.text.trim().split(' = ')
  const nixConf = { [name]: program, ...conf }
  await withWorld(version, { nixConf }, async world => {
    await setPolicy(world, policyText({ packager: [PACKAGER] }, RULES, mode))
    await use({
      world,
      async instantiate(names) {
        const last = nix.withInputs('upon-bad', [nix.derivation('bad')])
        const expressions = names.map(name => (name === 'upon-bad' ? last : nix.derivation(name)))
        world.write(FILE, nix.all(expressions))
        const paths = (await world.output(`nix-instantiate ${FILE} 2>/dev/null`)).split('\n')
        for (const path of paths) {
          if (!path.endsWith('-bad.drv'))
            publish(world, path, packaged(PACKAGER, await contentsOf(world, path)))
        }
        return paths
      },
      async isBuilt(drv) {
        const out = await world.output(`nix-store -q --outputs ${drv}`)
        return (await world.run(['nix-store', '--check-validity', out])).status === 0
      },
    })
  })
}

const AS: Readonly<Record<string, RunOptions & { readonly daemon?: true }>> = {
  'root without a daemon': {},
  'a plain user through the daemon': { user: 'alice', daemon: true },
}

for (const version of EVERY_VERSION) {
  for (const [who, options] of Object.entries(AS)) {
    test(`${version}: ${who}: a refused goal fails with its reason, what is upon it too, its siblings are built`, () =>
      withFront(version, async ({ world, instantiate, isBuilt }) => {
        if (options.daemon) await world.startDaemon()
        const names = ['good-1', 'bad', 'upon-bad', 'good-2', 'good-3']
        const drvs = await instantiate(names)
        for (const _ of [1, 2]) {
          const { status, stderr } = await world.run(`nix-build --no-out-link --keep-going ${FILE}`, options)
          assert.notEqual(status, 0)
          assert.match(stderr, REFUSED)
        }
        const built = await Promise.all(drvs.map(isBuilt))
        assert.deepEqual(built, [true, false, false, true, true])
      }))
  }

  test(`${version}: it judges without the other hooks, and they judge beneath it what it is not asked about`, () =>
    withFront(
      version,
      async ({ world, instantiate, isBuilt }) => {
        const [good = '', bad = ''] = await instantiate(['good', 'bad'])
        const { stderr } = await world.run(`nix-build --no-out-link --keep-going ${FILE}`)
        assert.match(stderr, REFUSED)
        assert.deepEqual([await isBuilt(good), await isBuilt(bad)], [true, false])
        // Nix keeps such builds to itself.
        world.write(FILE, nix.derivation('bad', { attributes: { preferLocalBuild: 'true' } }))
        await world.output(`nix-build --no-out-link ${FILE}`)
        const hook = '/opt/nixsig/pre-build-hook'
        world.write(FILE, nix.derivation('bad', { attributes: { preferLocalBuild: 'true', again: '"1"' } }))
        const refused = await world.run(`nix-build --no-out-link --option pre-build-hook ${hook} ${FILE}`)
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, REFUSED)
      },
      { conf: { 'pre-build-hook': '', 'post-build-hook': '' } },
    ))

  test(`${version}: one process is asked about all derivations of a command`, () =>
    withFront(version, async ({ world, instantiate }) => {
      world.write(
        '/opt/counting',
        '#!/bin/sh\necho started >>/tmp/started\nexec /opt/nixsig/build-hook "$@"\n',
        0o755,
      )
      await instantiate(Array.from({ length: 20 }, (_, index) => `good-${index}`))
      await world.output(`nix-build --no-out-link --option build-hook /opt/counting ${FILE}`)
      assert.equal(world.read('/tmp/started'), 'started\n')
    }))

  test(`${version}: a policy that only warns lets every goal be built, and says what it was about to refuse`, () =>
    withFront(
      version,
      async ({ world, instantiate, isBuilt }) => {
        const [bad = ''] = await instantiate(['bad'])
        const { status, stderr } = await world.run(`nix-build --no-out-link ${FILE}`)
        assert.equal(status, 0)
        assert.match(stderr, /nixsig: warning, let pass: would be refused \/nix\/store\/\S+-bad\.drv/)
        assert.ok(await isBuilt(bad))
      },
      { mode: 'warn' },
    ))

  test(`${version}: docs/how-to/build-hook.md`, () =>
    withFront(version, async ({ world, instantiate, isBuilt }) => {
      const [bad = '', good = ''] = await instantiate(['bad', 'good'])
      world.write('/root/release.nix', world.read(FILE))
      await runAll(world, commandsOf(PAGE))
      markRun(SHOWN, version)
      assert.deepEqual([await isBuilt(good), await isBuilt(bad)], [true, false])
    }))

  test(`${version}: attack: a policy that cannot be read refuses every goal`, () =>
    withFront(version, async ({ world, instantiate, isBuilt }) => {
      const [good = ''] = await instantiate(['good'])
      world.write('/etc/nixsig/policy.toml', 'garbage')
      const { status, stderr } = await world.run(`nix-build --no-out-link ${FILE}`)
      assert.notEqual(status, 0)
      assert.match(stderr, /refused \/nix\/store\/\S+-good\.drv .*the policy: /)
      assert.equal(await isBuilt(good), false)
    }))

  test(`${version}: attack: a front that is killed while it is asked builds nothing`, () =>
    withFront(
      version,
      async ({ world, instantiate, isBuilt }) => {
        world.write('/opt/dying', '#!/bin/sh\nhead -c 4096 >/dev/null\nkill -9 $$\n', 0o755)
        const [good = ''] = await instantiate(['good'])
        const { status } = await world.run(`nix-build --no-out-link --option build-hook /opt/dying ${FILE}`)
        assert.notEqual(status, 0)
        assert.equal(await isBuilt(good), false)
      },
      { conf: { 'pre-build-hook': '', 'post-build-hook': '' } },
    ))
}

everyBlockWasRun('e2e/build-hook')
