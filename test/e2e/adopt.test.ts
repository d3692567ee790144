// takes: 2 minutes
// `nixsig adopt`: a store that existed before nixsig, from warn to enforce. docs/how-to/adopt.md.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { pathOf, RANDOM, top, withOldMachine } from '../support/old-machine.ts'
import { isInLedger } from '../support/scene.ts'
import { VERSIONS } from '../support/world.ts'

for (const version of VERSIONS) {
  test(`${version}: from warn to enforce: vouched for, built again, exempt, and then everything is usable`, () =>
    withOldMachine(version, async ({ world, make, bring, adopt, verify }) => {
      const cached = await bring('cached', 'signed')
      const copied = await bring('copied', 'unsigned')
      const own = nix.withInputs('own', [nix.derivation('dep')])
      const random = nix.derivation('random', { build: RANDOM })
      const out = await make(top([own, random], [cached, copied]))
      assert.notEqual((await verify(out)).status, 0)

      const planned = await adopt(`${out} --dry-run`)
      assert.match(
        planned.stdout,
        /^would be adopted: 4 of 6 paths \(0 admitted before, 1 vouched for, 3 to be/m,
      )
      assert.match(
        planned.stdout,
        /^time: about \d+ s \(everything is hashed; 3 builds, one at a time: each as/m,
      )
      assert.match(
        planned.stdout,
        /no derivation in this store makes it[\s\S]*-copied \[keeps 2 paths back\]/,
      )
      assert.equal(isInLedger(world, cached), false)

      const first = await adopt(out)
      assert.equal(first.status, 13, first.stdout + first.stderr)
      assert.match(first.stdout, /^adopted: 3 of 6 paths \(0 admitted before, 1 vouched for, 2 built again/m)
      assert.match(first.stdout, /^built again, it came out differently \(1\):\n {2}\S+-random \[keeps 2/m)
      assert.match(
        first.stdout,
        /\[\[exemptions\]\]\npath = "\S+-copied"\nreason = "adopted 2.*, without its/,
      )
      assert.match(
        first.stdout,
        /\npath = "\S+-random"\nreason = "adopted .* twice"\n(?:author = "\S+"\n)?until = 2\d\d\d-\d\d-\d\d\n/,
      )
      assert.equal(first.stdout.match(/^path = /gm)?.length, 2)
      const attested = world.read(
        attestationFile('/var/lib/nixsig/attestations', await pathOf(world, out, 'own')),
      )
      assert.match(Buffer.from(JSON.parse(attested).payload, 'base64').toString(), /"reproduced":true/)

      const again = await adopt(`${out} --exempt`)
      assert.equal(again.status, 0, again.stdout + again.stderr)
      assert.match(again.stderr, /^exempt: \S+-copied /m)
      assert.match(again.stdout, /^adopted: 6 of 6 paths/m)

      await world.output('nixsig enforce')
      assert.equal((await verify(out)).status, 0)
      world.write('/srv/later.nix', nix.withInputs('later', [`(builtins.storePath ${out})`]))
      await world.output('nix-build --no-out-link /srv/later.nix')
    }))

  test(`${version}: attack: what was changed on the disk is not adopted, and hooks refuse it afterwards`, () =>
    withOldMachine(version, async ({ world, make, bring, adopt, verify }) => {
      const signed = await bring('signed', 'signed')
      const out = await make(
        top([nix.derivation('tree', { build: 'mkdir $out; echo good > $out/file' })], [signed]),
      )
      const tree = await pathOf(world, out, 'tree')
      await world.output(`chmod u+w ${tree}/file ${signed}; echo evil > ${tree}/file; echo evil > ${signed}`)
      const { status, stdout } = await adopt(out)
      assert.equal(status, 13, stdout)
      assert.match(stdout, /^changed on the disk since Nix registered it \(2\):/m)
      assert.doesNotMatch(stdout, /exemptions/)
      await world.output('nixsig enforce')
      assert.equal((await verify(out)).status, 13)
      for (const path of [signed, tree]) {
        world.write('/srv/later.nix', nix.withInputs('later', [`(builtins.storePath ${path})`]))
        const refused = await world.run('nix-build --no-out-link /srv/later.nix')
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /is not what Nix registered/)
      }
    }))

  test(`${version}: killed in the middle: the next call goes on, and takes over what was done`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const slow = (name: string) => nix.derivation(name, { build: 'sleep 2; echo $name > $out' })
      const out = await make(top([slow('slow-a'), slow('slow-b'), slow('slow-c')], []))
      const [program, ...args] = world.enter(['nixsig', 'adopt', out])
      const child = spawn(program, args, {
        cwd: '/',
        env: { HOME: '/root', PATH: '/usr/local/bin:/usr/bin:/bin' },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const ended = once(child, 'exit')
      let said = ''
      child.stderr.setEncoding('utf8').on('data', text => {
        said += text
      })
      await eventually(
        () => `slow-b is built: ${said}`,
        () => /slow-b\.drv again/.test(said),
      )
      assert.match(
        said,
        /^0 of 4: building \S+slow-a\.drv again \(last time \d s\)\n1 of 4: building \S+slow-b\.drv again .*\n$/,
      )
      const pids = await world.output('grep -la "adopt" /proc/[0-9]*/cmdline | cut -d/ -f3')
      await world.run(`kill -KILL ${pids.replaceAll('\n', ' ')}`)
      await ended
      const { status, stdout, stderr } = await adopt(out)
      assert.equal(status, 0, stdout + stderr)
      assert.match(stderr, /^going on where an earlier call stopped$/m)
      assert.match(stdout, /^adopted: 4 of 4 paths \([12] admitted before/m)
      assert.doesNotMatch(stderr, /slow-a/)
    }))
}
