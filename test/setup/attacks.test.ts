// What setup and unsetup must not be made to do, and what blocks them.
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { inspectInstallation } from '../../src/setup/installation.ts'
import { recordFile } from '../../src/setup/places.ts'
import { type Machine, makeMachine } from './machine.ts'

let machine: Machine
beforeEach(() => {
  machine = makeMachine()
})
afterEach(() => machine.remove())

const isRoot = process.geteuid?.() === 0

/** Asserts that setup fails with this reason and leaves Nix's configuration unchanged. */
async function refusesSetup(reason: RegExp): Promise<void> {
  const { nixConf, included } = machine.places
  const before = existsSync(nixConf) ? readFileSync(nixConf, 'latin1') : undefined
  await assert.rejects(machine.setUp(), reason)
  assert.equal(existsSync(nixConf) ? readFileSync(nixConf, 'latin1') : undefined, before)
  assert.equal(existsSync(included), false)
}

/** Asserts that setup names this obstacle and does nothing. */
async function isBlocked(reason: RegExp): Promise<void> {
  const { kind, plan } = await machine.setUp()
  assert.equal(kind, 'blocked')
  assert.match(plan?.obstacles.join('\n') ?? '', reason)
  assert.equal(existsSync(machine.places.included), false)
}

test('attack: programs in a directory that others may write to', async () => {
  chmodSync(machine.directory, 0o777)
  await refusesSetup(/others could change it: .*is writable by.*Make all of it root's, or copy it/)
})

test('attack: a directory further up that others may write to', async () => {
  chmodSync(dirname(machine.directory), 0o775)
  await refusesSetup(/others could change it: .*opt is writable by its group/)
})

for (const name of ['nixsig', 'pre-build-hook', 'native/nixsig-plugin.so']) {
  test(`attack: ${name} itself is writable by others`, async () => {
    chmodSync(join(machine.directory, name), 0o775)
    await refusesSetup(/is writable by others \(chmod -R go-w/)
  })

  test(`attack: ${name} belongs to somebody else`, { skip: !isRoot }, async () => {
    chownSync(join(machine.directory, name), 1000, 1000)
    await refusesSetup(/belongs to user 1000 \(chown -R root/)
  })

  test(`attack: ${name} is a symbolic link to a file of another user`, async () => {
    rmSync(join(machine.directory, name))
    symlinkSync('/bin/true', join(machine.directory, name))
    await refusesSetup(/is not a regular file/)
  })
}

test('attack: a module that the hooks load is writable by others', async () => {
  mkdirSync(join(machine.directory, 'prebuilds'))
  writeFileSync(join(machine.directory, 'prebuilds/sodium.node'), '')
  chmodSync(join(machine.directory, 'prebuilds/sodium.node'), 0o666)
  await refusesSetup(/sodium\.node is writable by others/)
})

for (const closed of ['opt', 'opt/nixsig', 'opt/nixsig/native']) {
  test(`programs that other users cannot reach, as ${closed} is root's alone`, async () => {
    const directory = join(machine.directory, '../..', closed)
    chmodSync(directory, 0o700)
    await refusesSetup(/other users cannot enter \S+, .*; next: \S+\/nixsig install, .* then nixsig setup/)
    chmodSync(directory, 0o755)
    assert.equal((await machine.setUp()).kind, 'done')
  })
}

test('programs in a directory that nix.conf cannot name, or in the store', () => {
  for (const directory of [
    '/opt/nix sig',
    '/opt/nix#sig',
    '/opt/100%',
    '/opt/a\nb',
    'opt/nixsig',
    '/opt//nixsig',
    '/',
  ]) {
    assert.throws(() => inspectInstallation(directory), /nix\.conf cannot name/, directory)
  }
  assert.throws(() => inspectInstallation('/nix/store/x-nixsig/libexec/nixsig'), /garbage collection/)
})

test('an installation that lacks a program, or a node for its hooks', async () => {
  writeFileSync(join(machine.directory, 'pre-build-hook'), '#!/nowhere/node --flag\n')
  await refusesSetup(/--flag|cannot read/)
  rmSync(join(machine.directory, 'post-build-hook'))
  writeFileSync(join(machine.directory, 'pre-build-hook'), '#!/bin/sh\n')
  await refusesSetup(/post-build-hook is not there or cannot be run: install all of dist/)
})

test('attack: nix.conf, or its directory, is writable by others', async () => {
  const { nixConf } = machine.places
  writeFileSync(nixConf, 'cores = 1\n')
  chmodSync(nixConf, 0o666)
  await refusesSetup(/nix\.conf is writable by others \(chmod go-w/)
  chmodSync(nixConf, 0o644)
  chmodSync(dirname(nixConf), 0o777)
  await refusesSetup(/etc\/nix is writable by others/)
})

test('attack: nix.conf belongs to somebody else', { skip: !isRoot }, async () => {
  writeFileSync(machine.places.nixConf, 'cores = 1\n')
  chownSync(machine.places.nixConf, 1000, 1000)
  await refusesSetup(/nix\.conf belongs to user 1000 \(chown root/)
})

test('nix.conf that NixOS generates is not changed', async () => {
  const { nixConf } = machine.places
  for (const target of ['/etc/static/nix/nix.conf', '/nowhere/nix.conf']) {
    symlinkSync(target, nixConf)
    await assert.rejects(machine.setUp(), /NixOS module|leads nowhere/)
    assert.equal(existsSync(machine.places.included), false)
    rmSync(nixConf)
  }
})

test('attack: nixsig.conf is a symbolic link to one of root’s files', async () => {
  const { nixConf, included } = machine.places
  const victim = join(dirname(nixConf), 'victim')
  writeFileSync(victim, 'precious')
  symlinkSync(victim, included)
  await assert.rejects(machine.setUp(), /nixsig\.conf.*ELOOP|symbolic link/)
  assert.equal(readFileSync(victim, 'utf8'), 'precious')
})

test('attack: the partial file of a killed run is a symbolic link: the file behind it stays as it is', async () => {
  const { nixConf } = machine.places
  const victim = join(dirname(nixConf), 'victim')
  writeFileSync(victim, 'precious')
  symlinkSync(victim, `${nixConf}.nixsig~`)
  await machine.setUp()
  assert.equal(readFileSync(victim, 'utf8'), 'precious')
})

test('attack: the policy is a symbolic link to a secret file, whose contents are not printed', async () => {
  machine.remove()
  machine = makeMachine('own')
  const secret = join(dirname(machine.places.policy), 'shadow')
  writeFileSync(secret, 'root:$y$j9T$secret:19000:0:99999:7:::\nmallory:$y$secret:1:::\n', { mode: 0o600 })
  rmSync(machine.places.policy)
  symlinkSync(secret, machine.places.policy)
  await assert.rejects(machine.setUp(), (error: Error) => {
    assert.match(error.message, /policy\.toml:1: not TOML/)
    assert.doesNotMatch(error.message, /secret|y\$|mallory/)
    return true
  })
})

test('a policy with an error has to be fixed first', async () => {
  machine.remove()
  machine = makeMachine('own')
  writeFileSync(machine.places.policy, 'version = 1\nmode = "enforced"\n')
  await refusesSetup(/policy\.toml:2: mode/)
})

test('attack: another user wrote the record: neither setup nor unsetup trusts it', {
  skip: !isRoot,
}, async () => {
  await machine.setUp()
  chownSync(recordFile(machine.places), 1000, 1000)
  await assert.rejects(machine.takeDown(), /cannot be believed: .*belongs to user 1000/)
  await assert.rejects(machine.setUp(), /cannot be believed/)
  assert.ok(existsSync(machine.places.included))
})

test('attack: a record that others may write to', async () => {
  await machine.setUp()
  chmodSync(recordFile(machine.places), 0o666)
  await assert.rejects(machine.takeDown(), /cannot be believed: .*is writable by others/)
})

test('attack: a record that names another file to restore', async () => {
  await machine.setUp()
  const victim = join(dirname(machine.places.nixConf), 'victim')
  writeFileSync(victim, 'precious')
  const text = readFileSync(recordFile(machine.places), 'utf8')
  writeFileSync(recordFile(machine.places), text.replaceAll(/"path": "[^"]*"/g, `"path": "${victim}"`))
  const { notes } = await machine.takeDown()
  assert.equal(readFileSync(victim, 'utf8'), 'precious')
  assert.match(notes.join(), /is not the file that setup changed/)
})

test('attack: the directory of the record is writable by others', async () => {
  await machine.setUp()
  chmodSync(machine.places.state, 0o777)
  await assert.rejects(machine.takeDown(), /state is writable by others/)
})

test('attack: a record that was cut short', async () => {
  await machine.setUp()
  const text = readFileSync(recordFile(machine.places), 'utf8')
  writeFileSync(recordFile(machine.places), text.slice(0, -20))
  await assert.rejects(machine.takeDown(), /cannot be believed: JSON/)
  assert.ok(existsSync(machine.places.included))
})

test('attack: purge does not follow a state directory that leads elsewhere', async () => {
  const { state } = machine.places
  const victim = join(dirname(state), 'victim')
  mkdirSync(victim)
  writeFileSync(join(victim, 'precious'), '')
  symlinkSync(victim, state)
  await assert.rejects(machine.takeDown(true), /is not a directory/)
  assert.ok(existsSync(join(victim, 'precious')))
})

for (const feature of ['ca-derivations', 'dynamic-derivations', 'impure-derivations']) {
  test(`nix.conf that enables ${feature} is an obstacle, reported with its line`, async () => {
    writeFileSync(machine.places.nixConf, `cores = 1\nextra-experimental-features = nix-command ${feature}\n`)
    await isBlocked(new RegExp(`nix\\.conf:2 enables ${feature}`))
  })
}

test('a file that nix.conf includes can be an obstacle as well', async () => {
  writeFileSync(machine.places.nixConf, '!include missing.conf\ninclude mine.conf\n')
  writeFileSync(
    join(dirname(machine.places.nixConf), 'mine.conf'),
    'experimental-features = ca-derivations\n',
  )
  await isBlocked(/mine\.conf:1 enables ca-derivations/)
})

test('a feature that a later line removes is not an obstacle', async () => {
  writeFileSync(
    machine.places.nixConf,
    'experimental-features = ca-derivations\nexperimental-features = flakes\n',
  )
  assert.equal((await machine.setUp()).kind, 'done')
})

test('root’s own configuration that would override nixsig’s is an obstacle', async () => {
  const [first, second] = machine.places.later
  writeFileSync(
    first ?? '',
    'experimental-features = flakes\nextra-plugin-files = /x\nsandbox = true\nextra-trusted-users =\n',
  )
  assert.equal((await machine.setUp()).kind, 'done')
  await machine.takeDown()
  mkdirSync(dirname(second ?? ''), { recursive: true, mode: 0o755 })
  writeFileSync(
    second ?? '',
    'cores = 1\nextra-trusted-users = mallory\nplugin-files =\nbuild-use-sandbox = false\n',
  )
  await isBlocked(
    /\.config\/nix\/nix\.conf:2 is read after nix\.conf and overrules it in extra-trusted-users.*\n.*:3 .*plugin-files.*\n.*:4 .*sandbox/,
  )
})

test('the gate’s key does not sign what is built', async () => {
  writeFileSync(machine.places.nixConf, `secret-key-files = ${machine.places.state}/gate.secret\n`)
  await isBlocked(/nix\.conf:1 has Nix sign with a key of nixsig's/)
})

test('nix.conf that includes itself or an absent file has to be fixed first', async () => {
  writeFileSync(machine.places.nixConf, 'include nix.conf\n')
  await refusesSetup(/includes too many files, or itself/)
  writeFileSync(machine.places.nixConf, 'include missing.conf\n')
  await refusesSetup(/there is no .*missing\.conf to include/)
})

test('replaced settings are reported by name and line, not by value', async () => {
  writeFileSync(
    machine.places.nixConf,
    'trusted-users = root @wheel\nsubstituters = https://me:secret@cache.example\nsandbox = true\nextra-trusted-public-keys = k:secret\n',
  )
  const { plan } = await machine.setUp()
  const notes = plan?.notes.join('\n') ?? ''
  for (const told of [
    /nix\.conf:1 sets trusted-users/,
    /:2 sets substituters/,
    /:4 sets extra-trusted-public-keys/,
  ])
    assert.match(notes, told)
  assert.doesNotMatch(notes, /secret|sets sandbox/)
})
