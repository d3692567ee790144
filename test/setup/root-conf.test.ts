// Root's own nix.conf, where setup names the build-hook again: Nix 2.25 to 2.33 reads it only
// there.
import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { hasBuildHook, withBuildHook, withoutBuildHook } from '../../src/setup/root-conf.ts'
import { type Machine, makeMachine } from './machine.ts'

let machine: Machine
beforeEach(() => {
  machine = makeMachine()
})
afterEach(() => machine.remove())

const read = () => readFileSync(machine.places.rootConf, 'latin1')
function write(text: string): void {
  mkdirSync(dirname(machine.places.rootConf), { recursive: true, mode: 0o755 })
  writeFileSync(machine.places.rootConf, text, { mode: 0o644, encoding: 'latin1' })
}

const anyText = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '#', ' ', '\u0080', 'build-hook = x\n') })

test('the lines are at the end, once, with the newest program, and leave other lines alone', () => {
  fc.assert(
    fc.property(anyText, text => {
      const once = withBuildHook(text, '/opt/old/build-hook')
      const twice = withBuildHook(once, '/opt/new/build-hook')
      assert.ok(twice.endsWith('\nbuild-hook = /opt/new/build-hook\n'))
      assert.equal(twice, withBuildHook(withoutBuildHook(once), '/opt/new/build-hook'))
      const rest = withoutBuildHook(twice)
      assert.ok(rest === text || rest === `${text}\n`)
      assert.equal(hasBuildHook(rest), false)
    }),
  )
})

test('it is made if absent, and removed afterwards with its directories', async () => {
  await machine.setUp()
  assert.match(read(), /\nbuild-hook = \/.*\/opt\/nixsig\/build-hook\n$/)
  assert.equal((await machine.setUp()).kind, 'nothing')
  assert.equal((await machine.takeDown()).kind, 'done')
  assert.equal(existsSync(dirname(dirname(machine.places.rootConf))), false)
})

test('its contents and mode are kept, and restored byte for byte', async () => {
  for (const before of ['cores = 1', '', 'cores = 1\r\n# caf\u00e9\n', 'build-hook = \n']) {
    write(before)
    const { mode } = lstatSync(machine.places.rootConf)
    const outcome = await machine.setUp()
    // Only root may remove a line that root wrote.
    if (before.startsWith('build-hook')) assert.equal(outcome.kind, 'blocked')
    else assert.match(read(), /\nbuild-hook = \S+\n$/)
    await machine.takeDown()
    assert.equal(read(), before)
    assert.equal(lstatSync(machine.places.rootConf).mode, mode)
  }
})

test('a line that was added later stays', async () => {
  write('cores = 1\n')
  await machine.setUp()
  write(`${read()}max-jobs = 2\n`)
  const { notes } = await machine.takeDown()
  assert.match(notes.join(), /nix\.conf was changed since setup: nixsig's two lines were taken out/)
  assert.equal(read(), 'cores = 1\nmax-jobs = 2\n')
})

test('without the front it is unchanged', async () => {
  write('cores = 1\n')
  await machine.setUp()
  await machine.setUp(['build-hook'])
  assert.equal(read(), 'cores = 1\n')
  await machine.takeDown()
  assert.equal(read(), 'cores = 1\n')
})

test('a symbolic link stays one', async () => {
  const real = join(dirname(machine.places.nixConf), 'dotfiles.conf')
  writeFileSync(real, 'cores = 1\n')
  mkdirSync(dirname(machine.places.rootConf), { recursive: true, mode: 0o755 })
  symlinkSync(real, machine.places.rootConf)
  await machine.setUp()
  assert.match(readFileSync(real, 'utf8'), /^cores = 1\n.*\nbuild-hook = \S+\n$/)
  await machine.takeDown()
  assert.equal(readFileSync(real, 'utf8'), 'cores = 1\n')
  assert.ok(lstatSync(machine.places.rootConf).isSymbolicLink())
})
