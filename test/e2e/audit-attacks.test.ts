// What somebody does so that an audit calls trusted what is not there as it was registered, and what
// they put in the way of its reports.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, withGuardedWorld } from '../support/guarded-world.ts'
import { assertSchema } from '../support/schema.ts'
import { ATTESTATIONS, built, publish, sha256 } from '../support/trust.ts'
import { OLDEST, type World } from '../support/world.ts'

const NO_DERIVATION = `/nix/store/${'0'.repeat(32)}-disputed.drv`
const AUDIT = '/opt/nixsig/nixsig audit --store'

interface Told {
  readonly paths: readonly {
    readonly path: string
    readonly outcome: string
    readonly message: string | null
  }[]
  readonly disk: {
    readonly differing: readonly { readonly path: number; readonly found: string | null }[]
    readonly missing: readonly number[]
    readonly unregistered: readonly { readonly name: string }[]
  }
}

async function auditOf(world: World, args = ''): Promise<Told> {
  const { stdout, stderr } = await world.run(`${AUDIT} --json ${args}`)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  assertSchema('audit', stdout)
  return JSON.parse(stdout) as Told
}

const on = ({ paths }: Told, wanted: string) => paths.find(({ path }) => path === wanted)

for (const version of OLDEST) {
  test(`${version}: attacks on what an audit says of the disk`, t =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      const piped = cachedPath('piped', 'piped\n', [BUILDER])
      const gone = cachedPath('gone', 'gone\n', [BUILDER])
      const disputed = cachedPath('disputed', 'disputed\n', [BUILDER])
      const all = [piped.path, gone.path, disputed.path]
      stock(upstream, piped, gone, disputed)
      for (const path of all)
        await world.output(`nix-store --realise --add-root /root/${path.slice(44)} --indirect ${path}`)
      // Twice, so that what is kept of the first would be believed.
      for (const _ of [1, 2]) {
        const before = await auditOf(world, '--contents')
        for (const path of all) assert.equal(on(before, path)?.outcome, 'trusted')
      }

      await t.test('attack: a conflict that was seen later and taken back is told, kept or not', async () => {
        const { path } = disputed
        publish(world, path, built(BUILDER, { path, narHash: sha256('other') }, NO_DERIVATION))
        assert.equal((await world.run(`/opt/nixsig/nixsig verify ${path}`)).status, 13)
        rmSync(world.path(attestationFile(ATTESTATIONS, path)))
        for (const _ of [1, 2]) assert.equal(on(await auditOf(world), path)?.outcome, 'untrusted')
        const { stdout } = await world.run(AUDIT)
        assert.match(stdout, /-disputed$/m)
        await world.output(`/opt/nixsig/nixsig conflicts withdraw ${path}`)
        assert.equal(on(await auditOf(world), path)?.outcome, 'trusted')
      })

      await t.test('attack: a path that is removed from the disk is not trusted, kept or not', async () => {
        await world.output(`rm -r ${gone.path}`)
        for (const args of ['', '--contents']) {
          const told = await auditOf(world, args)
          assert.equal(on(told, gone.path)?.outcome, 'indeterminate')
          assert.match(on(told, gone.path)?.message ?? '', /it is registered and not on the disk/)
          assert.deepEqual(told.disk.missing, [told.paths.findIndex(({ path }) => path === gone.path)])
        }
        const { status, stdout } = await world.run(AUDIT)
        assert.equal(status, 20, stdout)
        assert.match(stdout, /-gone is\s+registered\s+and\s+not\s+there/)
      })

      await t.test('attack: a pipe among changed contents does not keep them from being told', async () => {
        await world.output(`rm -r ${piped.path} && mkdir ${piped.path} && mkfifo ${piped.path}/pipe`)
        const told = await auditOf(world, '--contents')
        assert.equal(on(told, piped.path)?.outcome, 'indeterminate')
        assert.match(on(told, piped.path)?.message ?? '', /pipe/)
        const place = told.paths.findIndex(one => one.path === piped.path)
        assert.deepEqual(
          told.disk.differing.map(({ path, found }) => [path, found]),
          [[place, null]],
        )
        const { status, stderr } = await world.run(`${AUDIT} --contents --fail-on differing`)
        assert.equal(status, 1)
        assert.match(stderr, /differing \(1\): contents are not what the store registered, or cannot be read/)
      })

      await t.test('attack: something that is only called a lock is told', async () => {
        const lock = '0123456789abcdfghijklmnpqrsvwxyz-lock.lock'
        const evil = '0123456789abcdfghijklmnpqrsvwxyz-evil.lock'
        const file = '0123456789abcdfghijklmnpqrsvwxyz-file.lock'
        await world.output(
          `cd /nix/store && touch ${lock} && mkdir ${evil} && touch ${evil}/program && echo text > ${file}`,
        )
        const { disk } = await auditOf(world)
        assert.deepEqual(disk.unregistered.map(({ name }) => name).sort(), [evil, file])
      })

      await t.test('attack: a device or a link in place of a report stays what it is', async () => {
        await world.output('mkdir -p /root/audits /tmp/alice && chmod 1777 /tmp/alice')
        await world.run(`${AUDIT} --out /root/audits/a.json`)
        await world.output('echo secret > /root/kept && ln -s /root/kept /tmp/alice/page.html')
        const reports = ['--html', '--sarif', '--cyclonedx', '--spdx', '--out', '--metrics']
        const commands = [
          ...reports.map(option => `${AUDIT} ${option}`),
          '/opt/nixsig/nixsig fleet report /root/audits --html',
        ]
        for (const command of commands) {
          for (const file of ['/dev/null', '/tmp/alice/page.html', '/root/audits']) {
            const { status, stderr } = await world.run(`${command} ${file}`)
            assert.equal(status, 2, `${command} ${file}: ${stderr}`)
            assert.match(stderr, /there is something else than a file/)
          }
        }
        assert.equal(
          await world.output('cat /root/kept; stat -c %F /dev/null /tmp/alice/page.html'),
          ['secret', 'character special file', 'symbolic link'].join('\n'),
        )
      })

      await t.test('attack: so many roots that not all are followed do not pass as all', async () => {
        const link = `const fs = require('fs'); for (let i = 0; i < 66000; i++) fs.symlinkSync('/root/none', '/nix/var/nix/gcroots/auto/' + i)`
        await world.output(`ln -s ${disputed.path} /nix/var/nix/profiles/system`)
        await world.output(['node', '-e', link])
        const { status, stdout } = await world.run('/opt/nixsig/nixsig audit')
        assert.match(stdout, /^trusted .* not judged for want of time/m)
        assert.equal(status, 20)
        const failed = await world.run('/opt/nixsig/nixsig audit --fail-on undecided')
        assert.equal(failed.status, 1, failed.stderr)
      })

      await t.test('attack: an audit of nothing, as all roots are gone, finds not all well', async () => {
        await world.output('rm -rf /nix/var/nix/gcroots/auto /nix/var/nix/profiles')
        await world.output('ln -s /gone /run/current-system')
        for (const args of ['', '--json', '--fail-on refused,undecided']) {
          const { status, stdout, stderr } = await world.run(`/opt/nixsig/nixsig audit ${args}`)
          assert.equal(status, 2, stdout)
          assert.match(stderr, /there is no running system .* next: name paths, or nixsig audit --store/)
        }
      })
    }))
}
