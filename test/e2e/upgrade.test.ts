// `nixsig install` and `nixsig upgrade` with archives: who signed them, what a kill leaves, and the
// way back.
// takes: 3 minutes
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { forgedRelease, sharedRelease } from '../support/release.ts'
import { type World, withWorld } from '../support/world.ts'

const HOME = '/opt/nixsig-versions'
const keys = mkdtempSync(join(tmpdir(), 'nixsig-release-keys-'))
after(() => rmSync(keys, { recursive: true }))
const MALLORY = join(keys, 'mallory')
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'mallory', '-f', MALLORY])

const first = sharedRelease('0.1.0')
const second = sharedRelease('0.2.0')
const forged = forgedRelease(second, MALLORY)

/** A machine without systemd, to which the releases were brought; root unpacked the first. */
function withReleases(use: (world: World) => Promise<void>): Promise<void> {
  return withWorld('bookworm', { hooks: false }, async world => {
    for (const [name, { directory }] of Object.entries({ first, second, forged }))
      cpSync(directory, `${world.path('/srv')}/${name}`, { recursive: true })
    await world.output('tar -xzf /srv/first/*.tar.gz -C /srv')
    await use(world)
  })
}

const INSTALL = '/srv/nixsig-0.1.0-linux-*/nixsig install'

async function refused(world: World, command: string, why: RegExp): Promise<void> {
  const { status, stdout, stderr } = await world.run(command)
  assert.equal(status, 2, stdout + stderr)
  assert.match(stderr, why)
  assert.equal(await world.output('nixsig --version'), '0.1.0')
}

test('an archive is taken from its makers, by the key that the installed version names', () =>
  withReleases(async world => {
    assert.match(await world.output(INSTALL), /installed nixsig 0\.1\.0-[0-9a-f]{12} in /)
    assert.match(await world.output(INSTALL), /is in force in \S+, as before/)
    assert.match(
      await world.output('ls -l /usr/local/bin/nixsig'),
      / -> \/opt\/nixsig-versions\/current\/nixsig$/,
    )
    assert.ok(world.exists('/usr/local/share/man/man1/nixsig-upgrade.1'))
    const upgraded = await world.output('nixsig upgrade /srv/second/*.tar.gz')
    assert.match(upgraded, /the archive: signed by SHA256:\S+ .*\n.*installed nixsig 0\.2\.0/)
    assert.equal(await world.output('nixsig --version'), '0.2.0')
    assert.match(await world.output('nixsig upgrade --rollback'), /installed nixsig 0\.1\.0/)
    assert.equal(await world.output('nixsig --version'), '0.1.0')
    // A rollback of the rollback.
    await world.output(`${HOME}/previous/nixsig upgrade --rollback`)
    assert.equal(await world.output('nixsig --version'), '0.2.0')
    assert.equal(await world.output(`find ${HOME} ! -user root -o -perm /022 ! -type l`), '')
  }))

test('attack: an archive that is not what its makers signed', () =>
  withReleases(async world => {
    await world.output(INSTALL)
    await refused(
      world,
      'nixsig upgrade /srv/forged/*.tar.gz',
      /is not what its makers signed: not by SHA256:/,
    )
    const altered = 'cp -r /srv/second /srv/altered; cp /srv/forged/*.tar.gz /srv/altered/'
    await world.output(altered)
    await refused(
      world,
      'nixsig upgrade /srv/altered/*.tar.gz',
      /is not what its makers signed: .*the signed list has another sha256 for nixsig-0/,
    )
    await world.output('cp -r /srv/second /srv/bare; rm /srv/bare/*.sig')
    await refused(
      world,
      'nixsig upgrade /srv/bare/*.tar.gz',
      /needs SHA256SUMS and SHA256SUMS\.sig beside it/,
    )
    await world.output(
      'cp -r /srv/second /srv/renamed; cd /srv/renamed; mv *.tar.gz nixsig-9.0.0-linux-x64.tar.gz',
    )
    await refused(world, 'nixsig upgrade /srv/renamed/*.tar.gz', /is not what its makers signed/)
    await world.output(`cp -r ${HOME}/current/. /srv/others; chown -R alice /srv/others`)
    await refused(world, 'nixsig upgrade /srv/others', /belongs to user 1000/)
    await world.output(`cp -r ${HOME}/current/. /home/alice/nixsig`)
    await refused(world, 'nixsig upgrade /home/alice/nixsig', /\/home\/alice belongs to user 1000/)
    const mallory = await world.output('tar -xzOf /srv/forged/*.tar.gz --wildcards "*/release.keys"')
    await world.output([
      'nixsig',
      'upgrade',
      '--key',
      mallory,
      `/srv/forged/${forged.archive.replace(/.*\//, '')}`,
    ])
    assert.equal(await world.output('nixsig --version'), '0.2.0')
  }))

test('programs that were copied to /opt/nixsig by hand are upgraded, and gone back to', () =>
  withReleases(async world => {
    world.write('/etc/nix/nix.conf', 'sandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\n')
    await world.output(
      'mv /srv/nixsig-0.1.0-linux-* /opt/nixsig; /opt/nixsig/nixsig setup --yes; tar -xzf /srv/second/*.tar.gz -C /srv',
    )
    const upgraded = await world.run('/opt/nixsig/nixsig upgrade /srv/nixsig-0.2.0-linux-*')
    assert.match(
      upgraded.stdout,
      /installed nixsig 0\.2\.0-\w+ in \S+, in place of 0\.1\.0-/,
      upgraded.stderr,
    )
    assert.match(upgraded.stderr, /restart the gate \(nixsig serve\) and nix-daemon yourself/)
    assert.equal(await world.output('readlink /etc/nix/nixsig/program'), `${HOME}/current`)
    await world.output('rm -rf /opt/nixsig; nix-store --version')
    await world.run('nixsig upgrade --rollback')
    assert.equal(await world.output('nixsig --version'), '0.1.0')
    assert.match(await world.output('nixsig setup --dry-run'), /nothing to do/)
  }))

test('attack: an old release that was once signed', () =>
  withReleases(async world => {
    await world.output(`${INSTALL}; nixsig upgrade /srv/second/*.tar.gz`)
    const { status, stderr } = await world.run('nixsig upgrade /srv/first/*.tar.gz')
    assert.equal(status, 2)
    assert.match(
      stderr,
      /0\.1\.0 is older than 0\.2\.0, which is in force: nixsig upgrade --rollback goes back/,
    )
    await world.output('nixsig upgrade --older /srv/first/*.tar.gz')
    assert.equal(await world.output('nixsig --version'), '0.1.0')
  }))

test('killed at any point, an upgrade leaves one version or the other, whole', { timeout: 900_000 }, () =>
  withReleases(async world => {
    await world.output(`${INSTALL}; cp -a ${HOME} /srv/pristine; tar -xzf /srv/second/*.tar.gz -C /srv`)
    const seen = new Set<string>()
    for (const [calls, next] of [
      ['rename,symlink', (at: number) => at + 1],
      // Of a thousand files: at each of the first, and then less and less often.
      ['mkdir,unlink,rmdir', (at: number) => Math.ceil(at * 1.4)],
      ['fsync', (at: number) => Math.ceil(at * 1.4)],
    ] as const) {
      for (let at = 1, round = 0, isOver = false; !isOver; at = next(at), round++) {
        await world.output(`rm -rf ${HOME}; cp -a /srv/pristine ${HOME}`)
        const killing = `strace -f -qq -o /dev/null -e trace=${calls} -e inject=${calls}:signal=KILL:when=${at}`
        const { status } = await world.run(
          `${killing} ${HOME}/current/nixsig upgrade --from-package /srv/second/*.tar.gz`,
        )
        isOver = status === 0
        const version = await world.output('nixsig --version')
        seen.add(version)
        assert.equal(
          await world.output(`diff -r /srv/nixsig-${version}-linux-* ${HOME}/current/`),
          '',
          `${calls} ${at}`,
        )
        // And the next one goes through, and leaves nothing behind.
        if (round % 3 !== 0) continue
        await world.output('nixsig upgrade --from-package /srv/second/*.tar.gz')
        assert.equal(await world.output('nixsig --version'), '0.2.0')
        assert.match(
          await world.output(`ls -A ${HOME}`),
          /^\.lock\n0\.1\.0-\w+\n0\.2\.0-\w+\ncurrent\nprevious$/,
        )
      }
    }
    assert.deepEqual([...seen].sort(), ['0.1.0', '0.2.0'])
  }),
)
