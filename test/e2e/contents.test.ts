// What is judged is what is on the disk: by `verify`, and before anything is built from it (rules
// H9 and H10).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivation } from '../support/expressions.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { NEWEST } from '../support/world.ts'

const FLAT = derivation('flat', { build: 'echo good > $out' })
const TREE = derivation('tree', { build: '/srv/busybox mkdir -p $out/bin && echo good > $out/bin/run' })

/** Writes into a file of the store as only root can, all times put back. */
async function tamper({ world }: GuardedWorld, file: string): Promise<void> {
  await world.output(
    `touch -r ${file} /srv/times; chmod u+w ${file}; printf EVIL | dd of=${file} conv=notrunc 2>/dev/null; chmod u-w ${file}; touch -r /srv/times ${file}`,
  )
}

async function build(guarded: GuardedWorld, name: string, expression: string): Promise<string> {
  const { drv, out } = await guarded.instantiate(name, expression)
  await guarded.attest(drv)
  const { status, stderr } = await guarded.world.run(`nix-build --no-out-link /srv/${name}.nix`, {
    user: 'alice',
  })
  assert.equal(status, 0, stderr)
  return out
}

for (const version of NEWEST) {
  test(`verify hashes what lies on the disk, on ${version}`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      await world.output('cp /bin/busybox /srv/busybox')
      const verify = (words: string) => world.run(`/opt/nixsig/nixsig verify ${words}`)
      for (const [name, expression, inside] of [
        ['flat', FLAT, ''],
        ['tree', TREE, '/bin/run'],
      ] as const) {
        const out = await build(guarded, name, expression)
        const good = await verify(`${out} --json`)
        assert.equal(good.status, 0, good.stdout)
        assert.equal(JSON.parse(good.stdout).contents, 'hashed')
        await tamper(guarded, `${out}${inside}`)

        const bad = await verify(out)
        assert.equal(bad.status, 13)
        const hash = 'sha256:[0-9a-f]{64}'
        assert.match(
          bad.stdout,
          new RegExp(
            `what lies on the disk \\(${hash}\\) is not what Nix registered \\(${hash}\\): as root, .* repair it`,
          ),
        )
        const json = JSON.parse((await verify(`${out} --json`)).stdout)
        assert.deepEqual(
          [json.outcome, json.status, json.ground, json.findings[0].code],
          ['untrusted', 13, 'store', 'altered'],
        )
        assert.match((await world.run(`/opt/nixsig/nixsig explain ${out}`)).stdout, /what lies on the disk/)

        const believed = await verify(`${out} --no-contents`)
        assert.equal(believed.status, 0, believed.stdout)
        assert.match(believed.stderr, /contents are not hashed \(--no-contents\)/)
        assert.equal(JSON.parse((await verify(`${out} --no-contents --json`)).stdout).contents, 'registered')
      }
    }))

  test(`attack: a file that was changed since it was admitted is hashed before it is used, on ${version}`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      const out = await build(guarded, 'flat', FLAT)
      const user = (name: string) =>
        derivation(name, { build: 'read a < $src; echo "$a" > $out', attributes: { src: FLAT } })
      // Nix 2.8 makes a hard link of the file in the sandbox. That changes its timestamp, but not its
      // contents.
      const first = await build(guarded, 'first', user('first'))
      assert.equal(world.read(first), 'good\n')
      const second = await build(guarded, 'second', user('second'))
      assert.equal(world.read(second), 'good\n')

      await tamper(guarded, out)
      const { drv } = await guarded.instantiate('third', user('third'))
      await guarded.attest(drv).catch(() => undefined)
      const refused = await world.run('nix-build --no-out-link /srv/third.nix', { user: 'mallory' })
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr.replace(/\s+/g, ' '), /what lies on the disk \(sha256:/)
      await world.output(`nix-store --delete --ignore-liveness ${out} ${first} ${second}`)
      const again = await build(guarded, 'third', user('third'))
      assert.equal(world.read(again), 'good\n')
    }))
}

test('what was made here is copied to fresh inodes also where the store is mounted read-only', () =>
  withGuardedWorld('bookworm', async guarded => {
    const { world } = guarded
    await world.output('cp /bin/busybox /srv/busybox')
    const { drv, out } = await guarded.instantiate('tree', TREE)
    await guarded.attest(drv)
    await world.output('nix-build --no-out-link /srv/tree.nix', guarded.before)
    const inode = () => world.output(`stat -c %i ${out} ${out}/bin ${out}/bin/run`)
    const before = (await inode()).split('\n')
    await world.output('mount --bind /nix/store /nix/store && mount -o remount,bind,ro /nix/store')
    assert.notEqual((await world.run('touch /nix/store/x')).status, 0)
    const judged = await world.run(`printf '' | DRV_PATH=${drv} /opt/nixsig/post-build-hook`)
    assert.equal(judged.status, 0, judged.stderr)
    const after = (await inode()).split('\n')
    assert.deepEqual(after.slice(0, 2), before.slice(0, 2))
    assert.notEqual(after[2], before[2])
    assert.equal((await world.run(`nix-store --verify-path ${out}`)).status, 0)
    assert.equal(await world.output('ls -A /nix/store | grep -c nixsig || true'), '0')
    assert.equal(guarded.admission(out)?.kind, 'output')
  }))
