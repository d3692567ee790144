// Programs that root wants to run after a build: /etc/nixsig/after-build.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { JUDGED_WITH_NIX, type Version, type World, withWorld } from '../support/world.ts'

const LIST = '/etc/nixsig/after-build'
const UPLOAD = `#!/bin/sh
echo "$DRV_PATH $OUT_PATHS $HOME $(id -u)" >>/srv/uploaded
`

async function withUpload(
  version: Version,
  use: (world: World) => Promise<void>,
  mode?: 'warn',
): Promise<void> {
  await withWorld(version, {}, async world => {
    const rules = `[[rules]]\nmatch = { name = "refused*" }\nrequire.output = "someone"\n${byDefault('nothing', 'nothing', 'self')}`
    await setPolicy(world, policyText({ someone: [signer('someone')] }, rules, mode))
    world.write('/opt/upload', UPLOAD, 0o755)
    world.write(LIST, '# where the fleet gets it\n/opt/upload\n')
    await use(world)
  })
}

const build = (world: World, name: string, options: nix.DerivationOptions = {}) => {
  world.write(`/srv/${name}.nix`, nix.derivation(name, options))
  return world.run(`nix-build --no-out-link /srv/${name}.nix`)
}
const uploaded = (world: World) => (world.exists('/srv/uploaded') ? world.read('/srv/uploaded') : '')

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: what was admitted is given to them, as Nix gives it to its hook`, () =>
    withUpload(version, async world => {
      const options = { build: 'echo a >$out; echo b >$dev', attributes: { outputs: '[ "out" "dev" ]' } }
      const { status, stderr, stdout } = await build(world, 'good', options)
      assert.equal(status, 0, stderr)
      const out = stdout.trim()
      assert.match(uploaded(world), /^\/nix\/store\/\S+-good\.drv (\/nix\/store\/\S+-good\S* ){2}\/root 0\n$/)
      assert.ok(uploaded(world).includes(` ${out}`))
      // Built again to compare, it is admitted already.
      await world.output('nix-build --no-out-link --check /srv/good.nix')
      assert.equal(uploaded(world).split('\n').length, 3)
    }))

  test(`${version}: attack: what is refused is never uploaded, in warn mode neither`, async () => {
    await withUpload(version, async world => {
      assert.notEqual((await build(world, 'refused')).status, 0)
      assert.equal(uploaded(world), '')
    })
    await withUpload(
      version,
      async world => {
        const { status, stderr } = await build(world, 'refused')
        assert.equal(status, 0, stderr)
        assert.match(stderr, /needs someone for its output/)
        assert.equal(uploaded(world), '')
        assert.equal((await build(world, 'good')).status, 0)
        assert.match(uploaded(world), /-good /)
      },
      'warn',
    )
  })

  test(`${version}: one that fails is a failure of the hook to Nix, the next one runs, and what was built stays`, () =>
    withUpload(version, async world => {
      world.write('/opt/fails', '#!/bin/sh\necho no network >&2; exit 3\n', 0o755)
      world.write(LIST, '/opt/fails\n/opt/upload\n')
      const { status, stderr } = await build(world, 'good')
      assert.notEqual(status, 0)
      assert.match(stderr, /no network/)
      assert.match(
        stderr,
        /what runs after a build failed: \/opt\/fails ended with status 3; what was built is valid and trusted/,
      )
      const [, out = ''] = uploaded(world).split(' ')
      await world.output(['nix-store', '--check-validity', out])
      world.write(LIST, '/opt/absent\n')
      assert.match(
        (await build(world, 'other')).stderr,
        /\/opt\/absent was not run: there is no \/opt\/absent/,
      )
    }))

  test(`${version}: attack: a list that others can write is not read, nor one with half a path`, () =>
    withUpload(version, async world => {
      await world.output(`chmod 666 ${LIST}`)
      assert.match((await build(world, 'one')).stderr, /after-build is writable by others/)
      await world.output(`chmod 644 ${LIST}`)
      world.write(LIST, 'upload\n')
      assert.match((await build(world, 'two')).stderr, /a line that is not an absolute path \(line 1\)/)
      assert.equal(uploaded(world), '')
    }))
}
