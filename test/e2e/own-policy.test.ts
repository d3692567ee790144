// A policy and keys of a plain user's own: for what that person does, and never for the machine.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const RELEASE = 'the developer wrote this\n'
const OWN = '/home/alice/.config/nixsig/policy.toml'
const MACHINE = '/etc/nixsig/policy.toml'
const HANDOFF = '/opt/nixsig/nixsig handoff tool.nix'

/**
 * A package in alice's home, whose developer signs with minisign; a policy of hers that knows the
 * developer.
 */
async function settle(world: World): Promise<string> {
  world.write('/srv/tool.tar', RELEASE)
  await world.output(`cd /srv; minisign -G -W -f -p dev.pub -s /root/dev.key
    minisign -S -W -s /root/dev.key -m tool.tar; chmod 644 /srv/*`)
  const key = world.read('/srv/dev.pub').split('\n')[1] ?? ''
  const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE))
  world.write(
    '/home/alice/tool.nix',
    nix.derivation('tool', { inputs: [source], build: 'cat $inputs > $out' }),
  )
  world.write(OWN, policyText({ dev: [`"minisign:${key}"`] }, byDefault('nothing', 'nothing', 'nothing')))
  await world.output('chown -R alice: /home/alice')
  await setPolicy(world, policyText({}, byDefault('refuse', 'refuse', 'refuse')))
  await world.startDaemon()
  return key
}

for (const version of NEWEST) {
  test(`${version}: a plain user hands off with a policy and a key of her own, and hears that they are hers`, () =>
    withWorld(version, {}, async world => {
      await settle(world)
      const alice = { user: 'alice' } as const
      const made = await world.output('/opt/nixsig/nixsig keygen alice-1 --own', alice)
      assert.match(made, /secret key {3}\/home\/alice\/\.local\/share\/nixsig\/keys\/alice-1\.secret/)
      assert.equal(await world.output('stat -c %a /home/alice/.local/share/nixsig/keys'), '700')
      const done = await world.run(`${HANDOFF} --key alice-1 --out published`, alice)
      assert.equal(done.status, 0, done.stdout + done.stderr)
      const words = `nixsig: by your own policy, ${OWN} (the machine's: --policy ${MACHINE})`
      assert.ok(done.stderr.split('\n').includes(words), done.stderr)
      const elsewhere = await world.run(
        `XDG_CONFIG_HOME=/home/alice/conf XDG_DATA_HOME=relative ${HANDOFF} --key alice-1.secret --out other`,
        alice,
      )
      assert.equal(elsewhere.status, 11, elsewhere.stdout)
      assert.doesNotMatch(elsewhere.stderr, /your own policy/)
      const named = await world.run(`${HANDOFF} --dry-run --policy ${MACHINE}`, alice)
      assert.equal(named.status, 11)
      assert.doesNotMatch(named.stderr, /your own policy/)
      const missing = await world.run(`${HANDOFF} --key bob --out published`, alice)
      assert.match(
        missing.stderr,
        /there is no key bob, here or in \/home\/alice\/\.local\/share\/nixsig\/keys/,
      )
      const checked = await world.run('/opt/nixsig/nixsig policy check', alice)
      assert.ok(checked.stderr.startsWith(words), checked.stderr)
    }))

  test(`${version}: attack: what a user writes into a policy of their own lets nothing into the machine`, () =>
    withWorld(version, {}, async world => {
      await settle(world)
      const alice = { user: 'alice' } as const
      const built = await world.run('nix-build tool.nix', alice)
      assert.notEqual(built.status, 0)
      assert.match(built.stderr, /refuse/)
      // As sudo does that keeps HOME: root neither reads the policy nor the key of another user.
      const env = { HOME: '/home/alice' }
      const root = await world.run(`cd /home/alice; ${HANDOFF} --dry-run`, { env })
      assert.equal(root.status, 11, root.stdout)
      assert.doesNotMatch(root.stderr, /your own policy/)
      await world.output('/opt/nixsig/nixsig keygen alice-1 --own', alice)
      const signing = await world.run(`cd /home/alice; ${HANDOFF} --key alice-1 --out /root/published`, {
        env,
      })
      assert.equal(signing.status, 2)
      assert.match(signing.stderr, /belongs to user \d+/)
    }))

  test(`${version}: attack: what the machine refuses is not trusted by a policy that a project brings`, () =>
    withWorld(version, {}, async world => {
      await settle(world)
      const alice = { user: 'alice' } as const
      const path = await world.output('nix-store --add /srv/tool.tar')
      const trusts = policyText({}, byDefault('nothing', 'nothing', 'nothing'))
      for (const file of [OWN, '/home/alice/project/nixsig/policy.toml']) world.write(file, trusts)
      await world.output('chown -R alice: /home/alice')
      const verify = '/opt/nixsig/nixsig verify --state /home/alice/state'
      for (const before of ['', 'XDG_CONFIG_HOME=/home/alice/project ']) {
        const { status, stdout, stderr } = await world.run(`${before}${verify} ${path}`, alice)
        assert.equal(status, 12, stdout + stderr)
        assert.match(stdout, /refused/)
        assert.doesNotMatch(stderr, /your own policy/)
        const explained = await world.run(`${before}/opt/nixsig/nixsig explain ${path}`, alice)
        assert.equal(explained.status, status, explained.stdout + explained.stderr)
      }
      const named = await world.run(`${verify} --policy ${OWN} ${path}`, alice)
      assert.equal(named.status, 0, named.stdout + named.stderr)
      await world.output(`rm ${MACHINE}`)
      const alone = await world.run(`${verify} ${path}`, alice)
      assert.equal(alone.status, 0, alone.stdout + alone.stderr)
      assert.match(alone.stderr, /by your own policy/)
    }))

  test(`${version}: attack: a policy of one's own that others can write to is not read`, () =>
    withWorld(version, {}, async world => {
      await settle(world)
      await world.output(`chmod 666 ${OWN}`)
      const { status, stderr } = await world.run(`${HANDOFF} --dry-run`, { user: 'alice' })
      assert.notEqual(status, 0)
      assert.match(stderr, /policy\.toml is writable by others/)
    }))
}
