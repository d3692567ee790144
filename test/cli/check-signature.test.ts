// needs: dist
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => {
  spawnSync('gpgconf', ['--homedir', join(cli.dir, 'gpg'), '--kill', 'all'])
  cli.remove()
})

function tool(program: string, ...args: readonly string[]): string {
  const done = spawnSync(program, args, { cwd: cli.dir, encoding: 'utf8' })
  assert.equal(done.status, 0, `${program}: ${done.stderr}`)
  return done.stdout
}

function gpg(...args: readonly string[]): string {
  return tool('gpg', '--homedir', 'gpg', '--batch', '--quiet', '--passphrase', '', ...args)
}

before(() => {
  cli.write('x.tar', 'the release\n')
  for (const name of ['alice', 'mallory'])
    tool('minisign', '-G', '-W', '-p', `${name}.pub`, '-s', `${name}.key`)
  tool('minisign', '-S', '-s', 'alice.key', '-m', 'x.tar', '-t', 'file:x.tar \u001b[31m')
  mkdirSync(join(cli.dir, 'gpg'), { mode: 0o700 })
  for (const [name, expires, ...clock] of [
    ['gnu', 'never'],
    ['other', 'never'],
    ['old', '1y', '--faked-system-time', '20200101T000000!'],
  ] as const) {
    gpg(...clock, '--quick-generate-key', `${name} <${name}@example.org>`, 'ed25519', 'sign', expires)
    gpg(...clock, '--armor', '--output', `${name}.asc`, '--export', `${name}@example.org`)
    gpg(
      ...clock,
      '--armor',
      '--local-user',
      `${name}@example.org`,
      '--output',
      `x.tar.${name}.asc`,
      '--detach-sign',
      'x.tar',
    )
  }
})

function check(signature: string, ...keys: readonly string[]) {
  return cli.run('check-signature', 'x.tar', signature, ...keys.flatMap(key => ['--key', key]))
}

function minisignKey(name: string): string {
  return `minisign:${cli.read(`${name}.pub`).trim().split('\n')[1]}`
}

test('a minisign signature, its key as text and as a file', () => {
  for (const key of [minisignKey('alice'), 'alice.pub']) {
    const { status, stdout } = check('x.tar.minisig', key)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^good x\.tar\n {2}signed by minisign:/)
  }
})

test('attack: a signed comment that would steer the terminal', () => {
  const { stdout } = check('x.tar.minisig', 'alice.pub')
  assert.match(stdout, /\\u\{1b\}\[31m/)
  assert.doesNotMatch(stdout, /\u001b/)
})

test('an OpenPGP signature, its certificate as a file, also behind a link', () => {
  symlinkSync('gnu.asc', join(cli.dir, 'link.asc'))
  for (const key of ['gnu.asc', 'link.asc']) {
    const { status, stdout } = check('x.tar.gnu.asc', key)
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^good x\.tar\n {2}signed by [0-9A-F]{40} /)
  }
})

test('one good key among several is enough', () => {
  assert.equal(check('x.tar.gnu.asc', 'other.asc', 'alice.pub', 'gnu.asc').status, 0)
})

test('11: signed, but by none of the keys', () => {
  assert.equal(check('x.tar.minisig', 'mallory.pub').status, 11)
  assert.equal(check('x.tar.gnu.asc', 'other.asc').status, 11)
})

test('11: no key of the kind of the signature', () => {
  const { status, stdout } = check('x.tar.gnu.asc', 'alice.pub')
  assert.equal(status, 11)
  assert.match(stdout, /none of these keys/)
})

test('13: the file was changed after it was signed', () => {
  cli.write('changed.tar', 'the release, and more\n')
  for (const [signature, key] of [
    ['x.tar.minisig', 'alice.pub'],
    ['x.tar.gnu.asc', 'gnu.asc'],
  ] as const) {
    const { status, stdout } = cli.run('check-signature', 'changed.tar', signature, '--key', key)
    assert.equal(status, 13)
    assert.match(stdout, /^refused changed\.tar\n {2}does not verify with/)
  }
})

/** Signatures by the keys of these names over these files, in one file. */
function together(...made: readonly (readonly [name: string, over: string])[]): string {
  const file = `together-${made.flat().join('-')}.sig`
  const signatures = made.map(([name, over]) => {
    gpg('--yes', '--local-user', `${name}@example.org`, '--output', 'one.sig', '--detach-sign', over)
    return readFileSync(join(cli.dir, 'one.sig'))
  })
  writeFileSync(join(cli.dir, file), Buffer.concat(signatures))
  return file
}

test('attack: a BAD signature in one file with a good one, by another key or the same, before it or after', () => {
  cli.write('else.tar', 'something else\n')
  const [good, bad] = [
    ['gnu', 'x.tar'],
    ['other', 'else.tar'],
  ] as const
  for (const made of [
    [good, bad],
    [bad, good],
    [good, ['gnu', 'else.tar']],
    [['gnu', 'else.tar'], good],
  ] as const) {
    const { status, stdout } = check(together(...made), 'gnu.asc', 'other.asc')
    assert.equal(status, 13, stdout)
    assert.match(stdout, /^refused x\.tar\n/)
    assert.match(stdout, /does not verify with/)
    assert.match(stdout, /signed by/)
  }
})

test('a good signature beside one by a key that nobody named is good', () => {
  const file = together(['other', 'else.tar'], ['gnu', 'x.tar'])
  assert.equal(check(file, 'gnu.asc').status, 0)
  assert.equal(check(file, 'other.asc').status, 13)
})

test('14: the key has expired', () => {
  const { status, stdout } = check('x.tar.old.asc', 'old.asc')
  assert.equal(status, 14)
  assert.match(stdout, /by a key that has expired since/)
})

test('20: a signature that cannot be read proves nothing', () => {
  const cut = cli.read('x.tar.minisig').slice(0, 80)
  cli.write('cut.minisig', cut)
  cli.write('empty.sig', '')
  for (const signature of ['cut.minisig', 'empty.sig']) {
    const { status, stdout } = check(signature, 'alice.pub')
    assert.equal(status, 20)
    assert.match(stdout, /^undecided x\.tar: /)
  }
})

test('2: no key, no file, a key that is none, a secret key', () => {
  assert.match(check('x.tar.minisig').stderr, /key/)
  assert.equal(check('x.tar.minisig').status, 2)
  const cases = [
    ['none.minisig', 'alice.pub', /there is no file none\.minisig/],
    ['x.tar.minisig', 'none.pub', /is not a key .*no such file/],
    ['x.tar.minisig', 'x.tar', /key/],
    ['x.tar.minisig', 'minisign:RWQ', /is not a key/],
    ['x.tar.minisig', '.', /is not a regular file/],
  ] as const
  for (const [signature, key, reason] of cases) {
    const { status, stderr, stdout } = check(signature, key)
    assert.equal(status, 2, `${key}: ${stdout}${stderr}`)
    assert.match(stderr, reason)
  }
  const { status, stderr } = cli.run('check-signature', 'gone.tar', 'x.tar.minisig', '--key', 'alice.pub')
  assert.equal(status, 2)
  assert.match(stderr, /there is no file gone\.tar/)
})

test('attack: a file named like a key is not read in its place', () => {
  const text = minisignKey('alice')
  if (!text.includes('/')) cli.write(text, cli.read('mallory.pub'))
  assert.equal(check('x.tar.minisig', text).status, 0)
  tool('minisign', '-S', '-s', 'mallory.key', '-m', 'x.tar', '-x', 'mallory.minisig')
  assert.equal(check('mallory.minisig', text).status, 11)
})

test('nothing is written', () => {
  assert.ok(!existsSync(join(cli.dir, 'attestations')))
})
