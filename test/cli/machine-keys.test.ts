// needs: dist
import assert from 'node:assert/strict'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

/** Runs the command with a state directory of its own. */
function makeKeys(name: string, ...options: readonly string[]) {
  const state = join(cli.dir, name)
  return { state, ...cli.run('machine-keys', '--state', state, ...options) }
}

function newKey(name: string): string {
  assert.equal(cli.run('keygen', name).status, 0)
  return join(cli.dir, `${name}.secret`)
}

test('two keys where there is none, of which others can read the public halves alone', () => {
  const { state, status, stdout } = makeKeys('fresh')
  assert.equal(status, 0)
  for (const which of ['machine', 'gate']) {
    assert.equal(statSync(join(state, `${which}.secret`)).mode & 0o777, 0o600)
    assert.ok(stdout.includes(cli.read(join('fresh', `${which}.pub`)).trim()), stdout)
  }
  assert.notEqual(cli.read('fresh/machine.secret'), cli.read('fresh/gate.secret'))
})

test('run again, it changes nothing', () => {
  const conf = join(cli.dir, 'again.conf')
  const { state } = makeKeys('again', '--nix-conf', conf)
  const before = [join(state, 'machine.secret'), join(state, 'gate.secret'), conf].map(file => statSync(file))
  assert.equal(makeKeys('again', '--nix-conf', conf).status, 0)
  const after = [join(state, 'machine.secret'), join(state, 'gate.secret'), conf].map(file => statSync(file))
  assert.deepEqual(
    after.map(({ ino, mtimeMs }) => [ino, mtimeMs]),
    before.map(({ ino, mtimeMs }) => [ino, mtimeMs]),
  )
})

test("the line for nix.conf trusts the gate's key and no other", () => {
  const conf = join(cli.dir, 'nix.conf')
  makeKeys('conf', '--nix-conf', conf)
  const lines = cli
    .read('nix.conf')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines, [`trusted-public-keys = ${cli.read('conf/gate.pub').trim()}`])
  assert.equal(statSync(conf).mode & 0o777, 0o644)
})

test('given keys become the own ones', () => {
  const [machine, gate] = [newKey('machine-1'), newKey('gate-1')]
  const { status, stdout } = makeKeys('given', '--machine-key', machine, '--gate-key', gate)
  assert.equal(status, 0)
  assert.equal(cli.read('given/machine.secret'), cli.read('machine-1.secret'))
  assert.equal(cli.read('given/gate.pub'), cli.read('gate-1.pub'))
  assert.match(stdout, /machine key +machine-1:/)
  assert.equal(makeKeys('given', '--machine-key', machine, '--gate-key', gate).status, 0)
})

test('attack: a key that is given later does not replace the one that signed until now', () => {
  makeKeys('later')
  const before = cli.read('later/machine.secret')
  const { status, stderr } = makeKeys('later', '--machine-key', newKey('other-1'))
  assert.equal(status, 2)
  assert.match(stderr, /other-1\.secret is another key than .*machine\.secret: move that one away/)
  assert.equal(cli.read('later/machine.secret'), before)
})

test('attack: a given key that others can read is not taken', () => {
  const key = newKey('open-1')
  chmodSync(key, 0o644)
  const { state, status, stderr } = makeKeys('open', '--gate-key', key)
  assert.equal(status, 2)
  assert.match(stderr, /open-1\.secret is open to others/)
  assert.ok(!existsSync(join(state, 'gate.secret')))
})

test('attack: a file of settings that others can write is not taken for ours', () => {
  const conf = join(cli.dir, 'shared.conf')
  writeFileSync(conf, '')
  chmodSync(conf, 0o666)
  const { status, stderr } = makeKeys('shared', '--nix-conf', conf)
  assert.equal(status, 2)
  assert.match(stderr, /shared\.conf is writable by others/)
})
