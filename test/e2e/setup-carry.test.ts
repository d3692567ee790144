// What `nixsig setup` carries over from a machine that already uses caches, keys and a
// post-build-hook: said before anything changes, served afterwards, and taken back.
// takes: 1 minute
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { CONF, NEEDED, nixsig, POLICY, withInstalled } from '../support/setup-world.ts'
import { byDefault, policyText, signer } from '../support/trust.ts'
import { NEWEST, OLDEST, VERSIONS, type World } from '../support/world.ts'

const LIST = '/etc/nixsig/after-build'
const SECRET = '/etc/nixsig/secrets/from-nix-conf/cache.example.org'
const USUAL = `${NEEDED}substituters =\n`

const everything = (world: World) =>
  world.output(
    'cd /etc && find nix nixsig systemd -type f 2>/dev/null | sort | xargs sha256sum; ls -A /var/lib/nixsig 2>/dev/null || true',
  )

for (const version of OLDEST) {
  test('attack: a password of nix.conf goes into a file for root alone, and is shown nowhere', () =>
    withInstalled(
      version,
      `${USUAL}extra-substituters = https://user:TOPSECRET@Cache.example.org\n`,
      async world => {
        const before = await everything(world)
        const shown = await nixsig(world, 'setup --dry-run')
        assert.equal(await everything(world), before)
        assert.match(
          shown,
          /make \S+from-nix-conf\/cache\.example\.org \(a password of nix\.conf's; for root alone\)/,
        )
        const said = shown + (await nixsig(world, 'setup --yes'))
        assert.doesNotMatch(said, /TOPSECRET|dXNlcjp/)
        assert.doesNotMatch(
          world.read(POLICY) + world.read('/var/lib/nixsig/setup.json'),
          /TOPSECRET|dXNlcjpUT1/,
        )
        assert.equal(world.read(SECRET), `Basic ${Buffer.from('user:TOPSECRET').toString('base64')}\n`)
        assert.equal(statSync(world.path(SECRET)).mode & 0o777, 0o600)
        assert.match(await nixsig(world, 'policy check'), /mode warn, 1 principal/)
        await nixsig(world, 'unsetup --yes')
        assert.ok(world.exists(SECRET), 'the policy that names it stays')
        await nixsig(world, 'unsetup --yes --purge')
        assert.equal(world.exists('/etc/nixsig'), false)
      },
    ))

  test('what cannot be served is in the way, with file and line, before anything changes', () =>
    withInstalled(
      version,
      `${USUAL}extra-substituters = unix:///run/other http://u:TOPSECRET@h\nnetrc-file = /srv/netrc\n`,
      async world => {
        world.write('/srv/netrc', 'machine h login u password TOPSECRET\n', 0o666)
        await world.output('chmod 666 /srv/netrc')
        const before = await everything(world)
        for (const how of ['--dry-run', '--yes']) {
          const said = await nixsig(world, `setup ${how}`, 2)
          assert.match(
            said,
            /in the way: \/etc\/nix\/nix\.conf:4 names unix:\/\/\/run\/other in substituters/,
          )
          assert.match(said, /nix\.conf:4 names http:\/\/\*\*\*@h .*"https:\/\/" alone/)
          assert.match(said, /nix\.conf:5 names \/srv\/netrc as netrc-file, .*writable by others/)
          assert.doesNotMatch(said, /TOPSECRET/)
          assert.equal(await everything(world), before)
        }
        // Without the gate nothing comes from caches anyway.
        await nixsig(world, 'setup --dry-run --without gate')
      },
    ))

  test('a policy that is there already is compared with nix.conf', () =>
    withInstalled(
      version,
      `${USUAL}extra-substituters = https://a.example https://b.example\n`,
      async world => {
        const gate = '[gate]\nupstreams = ["https://b.example"]\n'
        world.write(
          POLICY,
          policyText({ alice: [signer('alice')] }, `${gate}${byDefault('alice', 'nothing', 'self')}`),
        )
        const said = await nixsig(world, 'setup --dry-run')
        assert.match(
          said,
          /nix\.conf:4 names https:\/\/a\.example in substituters, and the policy does not .*not be asked any more/,
        )
        assert.doesNotMatch(said, /names https:\/\/b\.example/)
        assert.match(said, /of trusted-public-keys, the policy does not list cache\.nixos\.org-1/)
      },
    ))

  test('a hook with arguments, or one that others can write, is in the way', () =>
    withInstalled(version, `${USUAL}post-build-hook = /srv/hook push\n`, async world => {
      world.write('/srv/hook', '#!/bin/sh\n', 0o755)
      assert.match(
        await nixsig(world, 'setup --yes', 2),
        /nix\.conf:4 .*\/srv\/hook push.*arguments belong into a script/,
      )
      world.write(CONF, `${USUAL}post-build-hook = /srv/hook\n`)
      await world.output('chmod 777 /srv/hook')
      assert.match(
        await nixsig(world, 'setup --yes', 2),
        /nix\.conf:4 .*\/srv\/hook is writable by others \(chmod go-w/,
      )
      assert.equal(world.exists(POLICY), false)
    }))
}

/** As the manuals of such services have it. */
const HOOK = `#!/bin/sh
set -eu
set -f # disable globbing
export IFS=' '
echo "Uploading paths" $OUT_PATHS
exec pusher push mine $OUT_PATHS
`
const PUSHER = `#!/bin/sh
read line && echo "read $line" >>/srv/pushed
echo "$TOKEN $(id -u) $HOME $DRV_PATH $*" >>/srv/pushed
[ ! -e /srv/broken ] || exit 7
shift 2
exec nix --extra-experimental-features nix-command copy --to file:///srv/cache "$@"
`

for (const version of VERSIONS) {
  test(`${version}: the hook that was there goes on uploading, what was admitted alone, and is taken back`, () =>
    withInstalled(version, `${USUAL}post-build-hook = /opt/upload\n`, async world => {
      world.write('/opt/upload', HOOK, 0o755)
      world.write('/opt/pushers/pusher', PUSHER, 0o755)
      const rules = `[[rules]]\nmatch.name = "refused*"\nrequire.output = "alice"\n${byDefault('nothing', 'nothing', 'self')}`
      world.write(POLICY, policyText({ alice: [signer('alice')] }, rules))
      await world.output('mkdir -p /etc/nixsig/attestations; mkdir -m 755 -p /srv/cache')
      const said = await nixsig(world, 'setup --yes --without gate')
      assert.match(said, /make \/etc\/nixsig\/after-build/)
      assert.match(
        said,
        /sets post-build-hook, .*nixsig runs the hook after its own \(\/etc\/nixsig\/after-build\)/,
      )
      assert.match(world.read(LIST), /^\/opt\/upload$/m)
      assert.match(await nixsig(world, 'setup --yes --without gate'), /nothing to do/)
      const path = '/opt/pushers:/usr/sbin:/usr/bin:/sbin:/bin'
      const daemon = await world.startDaemon({ env: { TOKEN: 'from-the-unit', PATH: path } })
      const build = (name: string) => {
        world.write(`/home/alice/${name}.nix`, nix.derivation(name))
        return world.run(`nix-build --no-out-link ${name}.nix`, { user: 'alice' })
      }
      const good = await build('good')
      assert.equal(good.status, 0, good.stderr + daemon.log())
      const out = good.stdout.trim()
      assert.match(
        world.read('/srv/pushed'),
        /^from-the-unit 0 \/root \/nix\/store\/\S+-good\.drv push mine \/nix\/store\/\S+-good\n$/,
      )
      assert.ok(world.exists(`/srv/cache/${out.slice(11, 43)}.narinfo`))
      assert.notEqual((await build('refused')).status, 0)
      assert.doesNotMatch(world.read('/srv/pushed'), /refused/)
      world.write('/srv/broken', '')
      const late = await build('late')
      assert.notEqual(late.status, 0)
      assert.match(late.stderr, /\/opt\/upload ended with status 7; what was built is valid and trusted/)
      await world.output('chmod 777 /opt/upload')
      const later = await build('later')
      assert.notEqual(later.status, 0)
      assert.match(later.stderr, /\/opt\/upload was not run: \/opt\/upload is writable by others/)
      await daemon.stop()
      await nixsig(world, 'unsetup --yes')
      assert.equal(world.exists(LIST), false)
      assert.equal(world.read(CONF), `${USUAL}post-build-hook = /opt/upload\n`)
    }))
}

for (const version of NEWEST) {
  test('a list of one’s own is added to, and what was changed since is left', () =>
    withInstalled(version, `${USUAL}post-build-hook = /opt/upload\n`, async world => {
      for (const name of ['/opt/upload', '/opt/queue']) world.write(name, '#!/bin/sh\n', 0o755)
      world.write(LIST, '/opt/queue')
      await nixsig(world, 'setup --yes')
      assert.equal(world.read(LIST), '/opt/queue\n/opt/upload\n')
      await nixsig(world, 'unsetup --yes')
      assert.equal(world.read(LIST), '/opt/queue')
      await nixsig(world, 'setup --yes')
      world.write(LIST, '/opt/upload\n/opt/queue\n# mine\n')
      await nixsig(world, 'setup --yes')
      assert.match(
        await nixsig(world, 'unsetup --yes'),
        /after-build was changed since setup and is left as it is/,
      )
      assert.ok(world.exists(LIST))
    }))
}
