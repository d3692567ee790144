// The worlds in which the other end-to-end tests run: what they guarantee, and that Nix really
// builds in them.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildSync } from 'esbuild'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const bare = { hooks: false }

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function build(world: World, expression: string, options = {}) {
  world.write('/tmp/x.nix', expression)
  return world.run('nix-build --no-out-link /tmp/x.nix', options)
}

for (const version of VERSIONS) {
  test(`${version}: a derivation is built in the sandbox, as root without a daemon`, () =>
    withWorld(version, bare, async world => {
      const expression = nix.derivation('hello', { build: 'test ! -e /etc/nix && echo hi > $out' })
      const { status, stdout, stderr } = await build(world, expression)
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^\/nix\/store\/[0-9a-z]{32}-hello\n$/)
      assert.equal(world.read(stdout.trim()), 'hi\n')
    }))

  test(`${version}: nix build -f builds a derivation for a plain user of the daemon`, () =>
    withWorld(version, bare, async world => {
      const daemon = await world.startDaemon()
      world.write('/tmp/x.nix', nix.withInputs('top', [nix.derivation('bottom')]))
      const path = await world.output('nix build -f /tmp/x.nix && readlink result', { user: 'alice' })
      assert.match(world.read(path), /-bottom\n$/)
      assert.equal(await world.output('nix-build --no-out-link /tmp/x.nix', { user: 'mallory' }), path)
      await daemon.stop()
      assert.notEqual((await world.run('nix-build --no-out-link /tmp/x.nix', { user: 'alice' })).status, 0)
    }))

  test(`${version}: root's builds go through the daemon where NIX_REMOTE says so`, () =>
    withWorld(version, bare, async world => {
      const daemon = await world.startDaemon()
      assert.equal((await build(world, nix.derivation('a'), { env: { NIX_REMOTE: 'daemon' } })).status, 0)
      assert.match(daemon.log(), /accepted connection/)
    }))

  test(`${version}: fixed outputs are fetched from files and made in the sandbox`, () =>
    withWorld(version, bare, async world => {
      world.write('/srv/source.txt', 'the source')
      const digest = sha256('the source')
      const sources = [
        nix.fetchurl('fetched', 'file:///srv/source.txt', digest),
        nix.fixedOutput('made', 'the source', digest),
        nix.toFile('local', 'the source'),
      ]
      const { status, stdout, stderr } = await build(world, nix.withInputs('user', sources))
      assert.equal(status, 0, stderr)
      const paths = world.read(stdout.trim()).trim().split('\n')
      assert.deepEqual(
        paths.map(path => world.read(path)),
        ['the source', 'the source', 'the source'],
      )
      assert.notEqual(
        (await build(world, nix.fetchurl('f', 'file:///srv/source.txt', sha256('x')))).status,
        0,
      )
    }))

  test(`${version}: three hundred inputs, a chain and odd names`, () =>
    withWorld(version, bare, async world => {
      const odd = nix.ODD_NAMES.map(name => nix.derivation(name))
      const cases = nix.all([nix.manyInputs('many', 300), nix.chain('chain', 5), ...odd])
      const { status, stdout, stderr } = await build(world, cases)
      assert.equal(status, 0, stderr)
      const [many = '', last = '', ...named] = stdout.trim().split('\n')
      assert.equal(world.read(many).trim().split('\n').length, 300)
      assert.match(world.read(last), /-chain-3\n$/)
      assert.deepEqual(
        named.map(path => path.slice(44)),
        nix.ODD_NAMES,
      )
    }))

  test(`${version}: the sandbox is not skipped where it cannot work`, () =>
    withWorld(version, { hooks: false, nixConf: { 'sandbox-paths': '/bin/sh=/missing' } }, async world => {
      assert.notEqual((await build(world, nix.derivation('a'))).status, 0)
    }))

  test(`${version}: a world starts empty and leaves nothing, on the machine or running`, async () => {
    const passwd = readFileSync('/etc/passwd', 'utf8')
    const socket = await withWorld(version, bare, async world => {
      for (const path of ['/nix/store', '/etc/nixsig', '/var/lib/nixsig', '/opt/nixsig', PROJECT_ROOT]) {
        assert.equal(world.exists(`${path}/package.json`) || world.exists(`${path}/.links`), false, path)
      }
      world.write('/etc/nixsig/policy.toml', 'x', 0o600)
      await world.output('test "$(stat -c %a /etc/nixsig/policy.toml)" = 600')
      await world.startDaemon()
      await world.run('sleep 1000 >/dev/null 2>&1 &')
      return world.path('/nix/var/nix/daemon-socket/socket')
    })
    assert.equal(existsSync(socket), false)
    assert.equal(existsSync('/etc/nixsig/policy.toml'), false)
    assert.equal(readFileSync('/etc/passwd', 'utf8'), passwd)
  })

  test(`${version}: an absolute link in a world leads nowhere but into that world`, () =>
    withWorld(version, bare, async world => {
      await world.output('ln -s /root/target /srv/link && ln -s ../../../../srv/link /srv/up && ln -s /l /l')
      world.write('/srv/up', 'inside')
      assert.equal(world.read('/root/target'), 'inside')
      assert.throws(() => world.read('/l'), /too many symbolic links/)
      assert.equal(world.exists('/l'), true)
    }))

  test(`${version}: users, environment, input and statuses are as asked`, () =>
    withWorld(version, bare, async world => {
      assert.equal(await world.output('id -u; id -G; pwd', { user: 'alice' }), '1000\n1000\n/home/alice')
      assert.equal(await world.output(['printenv', 'A'], { env: { A: 'b' } }), 'b')
      assert.equal(await world.output(['cat'], { input: 'text' }), 'text')
      assert.equal((await world.run('exit 7')).status, 7)
      assert.equal((await world.run('kill -9 $$')).status, 137)
      process.env['NIXSIG_TEST_LEAK'] = 'x'
      assert.doesNotMatch(await world.output('env'), /LEAK|NODE|npm/)
      delete process.env['NIXSIG_TEST_LEAK']
      await assert.rejects(world.run('echo said; sleep 60', { timeout: 300 }), /longer than 300 ms.*\nsaid/)
    }))

  test(`${version}: what a world needs is in it`, () =>
    withWorld(version, bare, async world => {
      await world.output('nsenter --version && gpgv --version && sqv --version && minisign -v')
      const node = await world.output(['node', '--version'])
      if (version === 'bookworm') assert.equal(node, process.version)
      assert.match(world.nixVersion, /^2\.\d+/)
    }))
}

test('a world that its test leaves by an error is gone too', async () => {
  let path = ''
  const failing = withWorld('bookworm', bare, async world => {
    path = world.path('/nix')
    throw new Error('left')
  })
  await assert.rejects(failing, /left/)
  await sleep(10)
  assert.equal(existsSync(path), false)
})

test('a world goes with the process that made it, even a killed one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-killed-'))
  try {
    const contents = `
      import { withWorld } from './world.ts'
      await withWorld('bookworm', { hooks: false }, async world => {
        await world.startDaemon()
        console.log(world.path('/'))
        await new Promise(resolve => setTimeout(resolve, 60_000))
      })`
    const outfile = join(directory, 'holder.mjs')
    buildSync({
      stdin: { contents, resolveDir: join(PROJECT_ROOT, 'test/support') },
      define: { PROJECT_ROOT: JSON.stringify(PROJECT_ROOT) },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
    })
    const holder = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] })
    const root = String(await once(holder.stdout, 'data')).trim()
    assert.equal(existsSync(join(root, 'etc/nix/nix.conf')), true)
    holder.kill('SIGKILL')
    await eventually(`${root} is gone`, () => !existsSync(root))
  } finally {
    rmSync(directory, { recursive: true })
  }
})
