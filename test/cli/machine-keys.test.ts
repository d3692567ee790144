// needs: dist
import assert from 'node:assert/strict'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
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

/** As machine-keys names a key: its name and `ssh-keygen -l`'s fingerprint. */
function fingerprintOf(publicKey: string): string {
  const { name, publicKey: key } = parseNixPublicKey(publicKey.trim())
  return `${name} (${sshFingerprint(key)})`
}

test('attack: a key that is given later does not replace the one in use, and both are named', () => {
  makeKeys('later')
  const before = cli.read('later/machine.secret')
  const { status, stdout, stderr } = makeKeys('later', '--machine-key', newKey('other-1'))
  assert.equal(status, 0)
  const inUse = cli.read('later/machine.pub').trim()
  assert.ok(stderr.includes(`warning: the machine goes on with its key ${fingerprintOf(inUse)}:`), stderr)
  assert.ok(stderr.includes(`other-1.secret has ${fingerprintOf(cli.read('other-1.pub'))}`), stderr)
  assert.ok(stderr.includes(`Next: to change the key, say that this one is retired: ${inUse}\n`), stderr)
  assert.ok(stdout.includes(inUse), stdout)
  assert.equal(cli.read('later/machine.secret'), before)
})

test('a key that is retired gives way to the given one, at once and for good', () => {
  const conf = join(cli.dir, 'rotated.conf')
  makeKeys('rotated', '--nix-conf', conf)
  const [machine, gate] = ['machine', 'gate'].map(which => cli.read(`rotated/${which}.pub`).trim())
  const options = [
    ...['--machine-key', newKey('machine-2'), '--gate-key', newKey('gate-2'), '--nix-conf', conf],
    ...['--retired', machine ?? '', '--retired', gate ?? ''],
  ]
  const first = makeKeys('rotated', ...options)
  assert.equal(first.status, 0, first.stderr)
  const next = cli.read('machine-2.pub').trim()
  const change = `from ${fingerprintOf(machine ?? '')}, which is retired, to ${fingerprintOf(next)}`
  assert.ok(first.stderr.includes(`nixsig: the machine key was changed ${change}`), first.stderr)
  for (const which of ['machine', 'gate']) {
    assert.equal(cli.read(`rotated/${which}.secret`), cli.read(`${which}-2.secret`))
    assert.equal(cli.read(`rotated/${which}.pub`), cli.read(`${which}-2.pub`))
    assert.equal(statSync(join(first.state, `${which}.secret`)).mode & 0o777, 0o600)
  }
  assert.ok(cli.read('rotated.conf').includes(cli.read('gate-2.pub').trim()))
  const again = makeKeys('rotated', ...options)
  assert.deepEqual([again.status, again.stderr], [0, ''])
})

test('attack: an old secret that is brought back does not become the key again', () => {
  const [old, next] = [newKey('old-1'), newKey('old-2')]
  const retired = ['--retired', cli.read('old-1.pub').trim(), '--retired', cli.read('old-2.pub').trim()]
  makeKeys('back', '--machine-key', next)
  const { status, stderr } = makeKeys('back', '--machine-key', old, ...retired)
  assert.equal(status, 0)
  assert.match(
    stderr,
    /warning: the machine goes on .* it is retired, but .*old-1\.secret has no key that is not/,
  )
  assert.equal(cli.read('back/machine.secret'), cli.read('old-2.secret'))
  const first = makeKeys('back-first', '--machine-key', old, ...retired)
  assert.equal(first.status, 2)
  assert.match(
    first.stderr,
    /old-1\.secret has old-1 \(SHA256:\S+\), which is retired: put the next secret there/,
  )
})

test('a retired key for which none is given gives way to a new one', () => {
  makeKeys('renewed')
  const before = cli.read('renewed/machine.pub').trim()
  const { status, stdout } = makeKeys('renewed', '--retired', before)
  assert.equal(status, 0)
  const [name, count] = /^(.*)-1:/.exec(before) ?? []
  assert.ok(name && count)
  assert.match(stdout, new RegExp(`machine key +${count}-2:`))
})

test('attack: a key that is retired elsewhere is not given up for the secret of another machine', () => {
  makeKeys('mine')
  makeKeys('theirs')
  const theirs = cli.read('theirs/machine.pub').trim()
  const before = cli.read('mine/machine.secret')
  const { status, stderr } = makeKeys('mine', '--machine-key', newKey('theirs-2'), '--retired', theirs)
  assert.equal(status, 0)
  assert.match(stderr, /warning: the machine goes on with its key/)
  assert.equal(cli.read('mine/machine.secret'), before)
})

test('a secret that is late, or that cannot be read, is a warning while there is a key', () => {
  makeKeys('waiting')
  const before = cli.read('waiting/gate.secret')
  writeFileSync(join(cli.dir, 'empty'), '', { mode: 0o400 })
  writeFileSync(join(cli.dir, 'stand-in'), 'none', { mode: 0o400 })
  writeFileSync(join(cli.dir, 'broken'), 'no key\n', { mode: 0o400 })
  for (const [file, why] of [
    ['nowhere', /nowhere is not there/],
    ['empty', /empty is not there/],
    ['stand-in', /stand-in is not there/],
    ['broken', /Nix secret key: no colon after its name/],
  ] as const) {
    const { status, stderr } = makeKeys('waiting', '--gate-key', join(cli.dir, file))
    assert.equal(status, 0, file)
    assert.match(stderr, /warning: the gate goes on with its key/, file)
    assert.match(stderr, why)
  }
  assert.equal(cli.read('waiting/gate.secret'), before)
})

test('a machine that was to be given a key makes none of its own while the secret is late', () => {
  const { state, status, stderr } = makeKeys('late', '--machine-key', join(cli.dir, 'later-1.secret'))
  assert.equal(status, 2)
  assert.match(stderr, /later-1\.secret is not there yet, and the machine has no key: it does not make one/)
  assert.ok(!existsSync(join(state, 'machine.secret')))
  newKey('later-1')
  assert.equal(makeKeys('late', '--machine-key', join(cli.dir, 'later-1.secret')).status, 0)
})

test('a new key is told, with what a lost state means', () => {
  const { stderr } = makeKeys('told')
  assert.match(stderr, /told had no machine key, and has a new one now: \S+ \(SHA256:\S+\)/)
  assert.match(
    stderr,
    /If this machine had a key before, its state was lost, and what it built before counts as unknown/,
  )
})

test('a public half that a crash left behind is put right', () => {
  makeKeys('crashed')
  const right = cli.read('crashed/machine.pub')
  writeFileSync(join(cli.dir, 'crashed/machine.pub'), cli.read('crashed/gate.pub'))
  assert.equal(makeKeys('crashed').status, 0)
  assert.equal(cli.read('crashed/machine.pub'), right)
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
