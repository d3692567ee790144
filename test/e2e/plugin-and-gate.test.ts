// The gate's answers to the store plugin, about paths that the ledger does not have and that arrive
// in ways that ask nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import * as nix from '../support/expressions.ts'
import { startResident } from '../support/resident.ts'
import {
  built,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  signer,
} from '../support/trust.ts'
import { VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const BUILDER = signer('builder')
const ALICE = signer('alice')
const UNGUARDED = "--option plugin-files '' --option pre-build-hook '' --option post-build-hook ''"

/**
 * A user's own environment needs no signature, tools need the builder's, and sources need alice's.
 */
const RULES = `
[[rules]]
match = { name = "tool*" }
require = { source = "alice", derivation = "nothing", output = "builder" }
accept-unknown-derivation = true
[[rules]]
match = { name = "env-manifest.nix" }
require.source = "nothing"
[default]
require = { source = "alice", derivation = "nothing", output = "self" }
`

interface Guarded {
  readonly world: World
  policy(more?: string, mode?: 'enforce' | 'warn'): Promise<void>
  /**
   * Makes an output in another store, beyond the reach of plugin and hooks; a file that holds its
   * export.
   */
  makeElsewhere(name: string): Promise<{ readonly path: string; readonly drv: string; readonly file: string }>
  admitted(path: string): boolean
  valid(path: string): Promise<boolean>
}

async function withGuarded(
  version: Version,
  use: (guarded: Guarded) => Promise<void>,
  { daemon = true } = {},
): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => {
    const guarded: Guarded = {
      world,
      policy: (more = '', mode = 'enforce') =>
        setPolicy(world, policyText({ builder: [BUILDER], alice: [ALICE] }, more + RULES, mode)),
      async makeElsewhere(name) {
        const file = `/srv/${name}.nix`
        world.write(
          file,
          nix.derivation(name, { build: 'mkdir -p $out/bin; echo "echo $name" > $out/bin/$name' }),
        )
        const drv = await world.output(`nix-instantiate ${UNGUARDED} --store /srv/other ${file} 2>/dev/null`)
        const path = await world.output(`nix-store ${UNGUARDED} --store /srv/other -r ${drv}`)
        await world.output(`nix-store ${UNGUARDED} --store /srv/other --export ${path} > /srv/${name}.export`)
        return { path, drv, file: `/srv/${name}.export` }
      },
      admitted: path => readAdmission(world.path(STATE), parseStorePath(path).digest, path) !== undefined,
      valid: async path => (await world.run(['nix-store', '--check-validity', path])).status === 0,
    }
    await guarded.policy()
    const conf = world.read('/etc/nix/nix.conf')
    world.write('/etc/nix/nix.conf', `${conf}plugin-files = /opt/nixsig/native/nixsig-plugin.so\n`)
    const resident = await startResident(world)
    try {
      if (daemon) await world.startDaemon()
      await use(guarded)
    } finally {
      await resident.kill()
    }
  })
}

/** The builder's word on a path of the other store. */
async function attestElsewhere(world: World, by: Signer, path: string, drv: string): Promise<void> {
  const narHash = (await world.output(`nix-store ${UNGUARDED} --store /srv/other -q --hash ${path}`)).slice(
    -52,
  )
  const hex = await world.output(`nix-hash --to-base16 --type sha256 ${narHash}`)
  publish(world, path, built(by, { path, narHash: hex }, drv))
}

for (const version of VERSIONS) {
  test(`${version}: an import is refused until a trusted builder attested it, and then needs no step by hand`, async () => {
    await withGuarded(version, async ({ world, makeElsewhere, admitted, valid }) => {
      const { path, drv, file } = await makeElsewhere('tool')
      for (const _ of [1, 2]) {
        const refused = await world.run(`nix-store --import < ${file}`)
        assert.notEqual(refused.status, 0)
        assert.match(
          refused.stderr,
          /nixsig: refused \/nix\/store\/\S+-tool \(output\).*needs builder for its output/,
        )
        assert.equal(await valid(path), false)
      }
      await attestElsewhere(world, signer('mallory'), path, drv)
      assert.notEqual((await world.run(`nix-store --import < ${file}`)).status, 0)
      await attestElsewhere(world, BUILDER, path, drv)
      assert.equal(await world.output(`nix-store --import < ${file}`), path)
      assert.ok(await valid(path))
      assert.ok(admitted(path))
      await world.output('nix-store --verify --check-contents')
    })
  })

  test(`${version}: once the builder is revoked, the same import is refused, although the ledger admitted it`, async () => {
    await withGuarded(version, async ({ world, makeElsewhere, admitted, valid }) => {
      const { path, drv, file } = await makeElsewhere('tool')
      await attestElsewhere(world, BUILDER, path, drv)
      assert.equal(await world.output(`nix-store --import < ${file}`), path)
      const said = await world.output('/opt/nixsig/nixsig revoke builder --reason stolen --quarantine --yes')
      assert.match(said, /1 admitted path rested on it; 1 path would fall/)
      assert.equal(await valid(path), false)
      assert.ok(admitted(path))
      const refused = await world.run(`nix-store --import < ${file}`)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /-tool \(output\).*the key of builder is revoked since .* \(stolen\)/s)
      assert.equal(await valid(path), false)
    })
  })

  test(`${version}: the gate reads a store that Nix holds in the middle of a transaction, without a daemon too`, async () => {
    await withGuarded(
      version,
      async ({ world, makeElsewhere, valid }) => {
        const { path, drv, file } = await makeElsewhere('tool')
        const { status, stderr } = await world.run(`nix-store --import < ${file}`)
        assert.notEqual(status, 0)
        assert.match(stderr, /needs builder for its output/)
        await attestElsewhere(world, BUILDER, path, drv)
        assert.equal(await world.output(`nix-store --import < ${file}`), path)
        assert.ok(await valid(path))
      },
      { daemon: false },
    )
  })

  test(`${version}: attack: an import of other bytes than those that the builder attested is a conflict`, async () => {
    await withGuarded(version, async ({ world, makeElsewhere, valid }) => {
      const { path, drv, file } = await makeElsewhere('tool')
      publish(world, path, built(BUILDER, { path, narHash: 'ab'.repeat(32) }, drv))
      const { status, stderr } = await world.run(`nix-store --import < ${file}`)
      assert.notEqual(status, 0)
      assert.match(stderr, /nixsig: refused .*sha256:abababab/)
      assert.equal(await valid(path), false)
    })
  })

  test(`${version}: an output is refused before it is built, or before it is valid if builders attested others`, async () => {
    await withGuarded(version, async ({ world, valid }) => {
      const nixsig = '/opt/nixsig/nixsig'
      const file = '/srv/built.nix'
      world.write(file, nix.derivation('tool-built', { build: 'echo "echo built" > $out' }))
      const drv = await world.output(`nix-instantiate ${file} 2>/dev/null`)
      const path = await world.output(`nix-store -q --outputs ${drv}`)
      publish(world, path, built(BUILDER, { path, narHash: 'ab'.repeat(32) }, drv))
      const never = await world.run(`nix-store -r ${drv}`)
      assert.notEqual(never.status, 0)
      assert.match(
        never.stderr,
        // The gate says it while what is remembered of the policy is not settled, and the plugin
        // itself later.
        /nixsig: refused \S+-tool-built(?:: it was built here with contents that no trusted builder attested| \(output\) under rule "rule 1": builders disagree: builder attested other contents)/,
      )
      assert.equal(await valid(path), false)

      await world.output('rm -r /etc/nixsig/attestations/*')
      const later = await world.run(`nix-store -r ${drv}`)
      assert.notEqual(later.status, 0)
      assert.match(later.stderr, /needs builder for its output, found no signature/)
      assert.equal(await valid(path), false)
      assert.equal(await world.output(`${nixsig} quarantine list`), '')
    })
  })

  test(`${version}: an output that a policy of meanwhile refuses goes to quarantine, and is released once it is trusted`, async () => {
    await withGuarded(version, async ({ world, policy, valid }) => {
      const nixsig = '/opt/nixsig/nixsig'
      const file = '/srv/built.nix'
      world.write(file, nix.derivation('tool-built', { build: 'echo "echo built" > $out' }))
      const drv = await world.output(`nix-instantiate ${file} 2>/dev/null`)
      const path = await world.output(`nix-store -q --outputs ${drv}`)
      // Between the output's becoming valid and its judgement.
      world.write('/srv/strict.toml', world.read(POLICY))
      world.write(
        '/srv/late',
        `#!/bin/sh\ncp /srv/strict.toml ${POLICY}\nexec /opt/nixsig/post-build-hook\n`,
        0o755,
      )
      await world.output('sed -i "s,^post-build-hook.*,post-build-hook = /srv/late," /etc/nix/nix.conf')
      await policy(
        '[[rules]]\nmatch = { name = "tool-built" }\nrequire = { derivation = "nothing", output = "self" }\n',
      )
      const refused = await world.run(`nix-store -r ${drv}`)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /needs builder for its output, found no signature/)
      assert.equal(await valid(path), false)
      const [id = ''] = (await world.output(`${nixsig} quarantine list`)).split(' ')
      const content = `/var/lib/nixsig/quarantine/${id}/content`
      const narHash = (await world.output(`nix-store --dump ${content} | sha256sum`)).slice(0, 64)
      publish(world, path, built(BUILDER, { path, narHash }, drv))
      assert.match(await world.output(`${nixsig} quarantine release ${id}`), /^released /)
      assert.ok(await valid(path))
    })
  })

  test(`${version}: a plain user's environment and profile may refer to what is trusted`, async () => {
    await withGuarded(version, async ({ world, makeElsewhere }) => {
      const { path, drv, file } = await makeElsewhere('tool')
      await attestElsewhere(world, BUILDER, path, drv)
      await world.output(`nix-store --import < ${file}`)
      await world.output(`nix-env -i ${path}`, { user: 'alice' })
      await world.output(`nix profile install --profile ./profile ${path}`, { user: 'alice' })
      assert.equal(await world.output('sh ./profile/bin/tool', { user: 'alice' }), 'echo tool'.slice(5))
    })
  })

  test(`${version}: sources lie there as data, or have to be attested first`, async () => {
    await withGuarded(version, async ({ world, policy, valid }) => {
      world.write('/home/alice/one', 'one')
      world.write('/home/alice/two', 'two')
      await world.output('nix-store --add /home/alice/one', { user: 'alice' })
      await policy('[store]\nsources = "attested"\n')
      const refused = await world.run('nix-store --add /home/alice/two')
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /nixsig: refused \/nix\/store\/\S+-two \(local source\).*needs alice for its source/,
      )
      const path = /refused (\/nix\/store\/\S+-two) /.exec(refused.stderr)?.[1] ?? ''
      publish(world, path, packaged(ALICE, await contentsOf(world, path)))
      assert.equal(await world.output('nix-store --add /home/alice/two', { user: 'alice' }), path)
      assert.ok(await valid(path))
    })
  })

  test(`${version}: attack: a directory that is named as a derivation is none`, async () => {
    await withGuarded(version, async ({ world, valid }) => {
      const path = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-tool.drv'
      await world.output(`mkdir -p ${path}/bin && echo evil > ${path}/bin/tool`)
      const { status, stderr } = await world.run('nix-store --register-validity', { input: `${path}\n\n0\n` })
      assert.notEqual(status, 0)
      assert.match(
        stderr,
        /nixsig: refused \/nix\/store\/\S+-tool\.drv \(output\).*needs builder for its output/,
      )
      assert.equal(await valid(path), false)
    })
  })

  test(`${version}: a policy that only warns lets in what it was about to refuse, and says so`, async () => {
    await withGuarded(version, async ({ world, makeElsewhere, policy, valid }) => {
      const { path, file } = await makeElsewhere('tool')
      await policy('', 'warn')
      const { status, stderr } = await world.run(`nix-store --import < ${file}`)
      assert.equal(status, 0)
      assert.match(
        stderr,
        /nixsig: warning, let in: would be refused \/nix\/store\/\S+-tool \(output\).*needs builder for its output/,
      )
      assert.ok(await valid(path))
      const record = world.read(`${STATE}/let-in/${parseStorePath(path).digest}`)
      assert.match(
        record,
        /^nixsig1 \/nix\/store\/\S+-tool sha256:[0-9a-f]{64}\ntime \d+\nwhy .*needs builder for its output/,
      )
    })
  })
}
