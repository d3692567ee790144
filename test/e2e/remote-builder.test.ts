// A remote builder without nixsig: what is sent to it was judged before, with every Nix.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { contentsOf, packaged, policyText, publish, setPolicy, signer } from '../support/trust.ts'
import { EVERY_VERSION, type RunOptions, type Version, type World, withWorld } from '../support/world.ts'

const PACKAGER = signer('packager')
const FAR = '/srv/far'
const RULES = `[default]
require = { source = "nothing", derivation = "packager", output = "nothing" }
`
/** Nix may ask first whether a connection is there that it could share. */
const SSH = `#!/bin/sh
case "$*" in *'-O check'*) exit 1 ;; esac
case "$*" in *LocalCommand=*) echo started ;; esac
exec env NIX_CONF_DIR=${FAR} NIX_USER_CONF_FILES=/dev/null NIX_REMOTE='local?root=${FAR}/root' nix-daemon --stdio
`
const NIX_CONF = {
  'build-hook': '/opt/nixsig/build-hook',
  builders: 'ssh-ng://far - - 4 1 far far',
  'max-jobs': '0',
}

/**
 * Three derivations that only the far machine can build, of which one is not signed; `ran` tells
 * which ran there.
 */
async function withFar(
  version: Version,
  use: (world: World, drvs: readonly string[], ran: () => readonly string[]) => Promise<void>,
): Promise<void> {
  await withWorld(version, { nixConf: NIX_CONF }, async world => {
    await setPolicy(world, policyText({ packager: [PACKAGER] }, RULES))
    world.write('/usr/local/bin/ssh', SSH, 0o755)
    const conf =
      'sandbox = true\nsandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\nsubstituters =\nsystem-features = far\n'
    world.write(`${FAR}/nix.conf`, conf)
    await world.output(`mkdir -p ${FAR}/ran ${FAR}/root && chmod 1777 ${FAR}/ran`)
    const names = ['good-1', 'bad', 'good-2']
    const attributes = { requiredSystemFeatures: '"far"' }
    const build = (name: string) => `echo ran >${FAR}/ran/${name}; echo ${name} >$out`
    const expressions = names.map(name => nix.derivation(name, { attributes, build: build(name) }))
    world.write('/srv/all.nix', nix.all(expressions))
    const drvs = (await world.output('nix-instantiate /srv/all.nix 2>/dev/null')).split('\n')
    for (const drv of drvs)
      if (!drv.endsWith('-bad.drv')) publish(world, drv, packaged(PACKAGER, await contentsOf(world, drv)))
    const ran = () => ['good-1', 'bad', 'good-2'].filter(name => world.exists(`${FAR}/ran/${name}`))
    await use(world, drvs, ran)
  })
}

const AS: Readonly<Record<string, RunOptions & { readonly daemon?: true }>> = {
  'root without a daemon': {},
  'root through the daemon': { env: { NIX_REMOTE: 'daemon' }, daemon: true },
  'a plain user through the daemon': { user: 'alice', daemon: true },
}

for (const version of EVERY_VERSION) {
  for (const [who, options] of Object.entries(AS)) {
    test(`${version}: ${who}: an unsigned derivation is not sent to a remote builder, those beside it are`, () =>
      withFar(version, async (world, drvs, ran) => {
        if (options.daemon) await world.startDaemon()
        const { status, stderr } = await world.run(
          'nix-build --no-out-link --keep-going /srv/all.nix',
          options,
        )
        assert.notEqual(status, 0)
        assert.match(stderr, /refused \/nix\/store\/\S+-bad\.drv \(derivation\)/)
        assert.deepEqual(ran(), ['good-1', 'good-2'], stderr)
        const valid = await Promise.all(
          drvs.map(async drv => {
            const out = await world.output(`nix-store -q --outputs ${drv}`)
            return (await world.run(['nix-store', '--check-validity', out])).status === 0
          }),
        )
        assert.deepEqual(valid, [true, false, true])
      }))
  }
}
