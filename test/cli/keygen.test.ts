// needs: dist
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

test('a new key: the secret half for its owner alone, the public half for all, and Nix reads both', () => {
  const { status, stdout } = cli.run('keygen', 'alice-1')
  assert.equal(status, 0)
  assert.equal(statSync(join(cli.dir, 'alice-1.secret')).mode & 0o777, 0o600)
  assert.equal(statSync(join(cli.dir, 'alice-1.pub')).mode & 0o777, 0o644)
  const nix = spawnSync(
    'nix',
    ['--extra-experimental-features', 'nix-command', 'key', 'convert-secret-to-public'],
    { input: cli.read('alice-1.secret'), encoding: 'utf8' },
  )
  assert.equal(nix.stdout.trim(), cli.read('alice-1.pub').trim(), nix.stderr)
  assert.ok(stdout.includes(cli.read('alice-1.pub').trim()))
  assert.ok(!stdout.includes(cli.read('alice-1.secret').trim().split(':')[1] ?? ''), 'prints no secret')
})

test('it prints the key as ssh-keygen knows it', () => {
  const { stdout } = cli.run('keygen', 'ssh-1')
  const line = /as SSH +(.*)/.exec(stdout)?.[1] ?? ''
  const file = cli.write('ssh-1.ssh', `${line}\n`)
  const { stdout: listed } = spawnSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' })
  assert.equal(listed.split(' ')[1], /fingerprint +(.*)/.exec(stdout)?.[1])
})

test('a key is never overwritten', () => {
  cli.run('keygen', 'bob-1')
  const before = cli.read('bob-1.secret')
  const { status, stderr } = cli.run('keygen', 'bob-1')
  assert.equal(status, 2)
  assert.match(stderr, /bob-1\.secret.*: something is there already; next: /)
  assert.equal(cli.read('bob-1.secret'), before)
})

test('a public key is never overwritten either, and leaves no secret key without one', () => {
  cli.write('eve-1.pub', 'somebody else')
  const { status } = cli.run('keygen', 'eve-1')
  assert.equal(status, 2)
  assert.equal(cli.read('eve-1.pub'), 'somebody else')
  assert.equal(existsSync(join(cli.dir, 'eve-1.secret')), false)
})

test('--out names the directory', () => {
  mkdirSync(join(cli.dir, 'keys'))
  assert.equal(cli.run('keygen', 'carol-1', '--out', 'keys').status, 0)
  assert.ok(existsSync(join(cli.dir, 'keys/carol-1.secret')))
})

for (const name of ['../evil', 'a:b', '', '.hidden', 'a b', 'é', 'x'.repeat(200)]) {
  test(`"${name.slice(0, 20)}" is no name of a key`, () => {
    const { status, stderr } = cli.run('keygen', name)
    assert.equal(status, 2)
    assert.match(stderr, /is not a valid name for a key/)
  })
}
