// What nix.conf names of nixsig, and what setup says where another version set the machine up.
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { isDoorkeeperOf } from '../../src/setup/doorkeepers.ts'
import { recordFile } from '../../src/setup/places.ts'
import { setUp } from '../../src/setup/set-up.ts'
import { install, type Machine, makeMachine } from './machine.ts'

let machine: Machine
beforeEach(() => {
  machine = makeMachine()
  mkdirSync(join(machine.directory, 'native/door'))
  install(machine.directory, ['native/door/hook', 'native/door/nixsig-door.so'])
  be('0.1.0')
})
afterEach(() => machine.remove())

function be(version: string): void {
  writeFileSync(join(machine.directory, 'package.json'), JSON.stringify({ type: 'commonjs', version }))
}

const conf = () => readFileSync(machine.places.included, 'utf8')

test('nix.conf names them, they lead to the programs, and unsetup takes them away', async () => {
  const { doorkeepers } = machine.places
  assert.equal((await machine.setUp()).kind, 'done')
  assert.match(conf(), new RegExp(`^pre-build-hook = ${doorkeepers}/pre-build-hook$`, 'm'))
  assert.match(conf(), new RegExp(`^plugin-files = ${doorkeepers}/nixsig-door.so$`, 'm'))
  assert.equal(readlinkSync(join(doorkeepers, 'program')), machine.directory)
  assert.ok(isDoorkeeperOf(join(doorkeepers, 'pre-build-hook'), machine.directory))
  assert.equal((await machine.setUp()).kind, 'nothing')
  writeFileSync(join(doorkeepers, 'hook.1.2.3~'), 'left by a kill')
  assert.equal((await machine.takeDown()).kind, 'done')
  assert.equal(existsSync(doorkeepers), false)
})

test('one that was changed is put right, and what others put there stays', async () => {
  const { doorkeepers } = machine.places
  await machine.setUp()
  writeFileSync(join(doorkeepers, 'hook'), 'evil')
  rmSync(join(doorkeepers, 'build-hook'))
  symlinkSync('/bin/true', join(doorkeepers, 'build-hook'))
  writeFileSync(join(doorkeepers, 'README'), '')
  assert.equal(isDoorkeeperOf(join(doorkeepers, 'pre-build-hook'), machine.directory), false)
  assert.equal((await machine.setUp()).kind, 'done')
  assert.equal(readlinkSync(join(doorkeepers, 'build-hook')), 'hook')
  assert.equal(readFileSync(join(doorkeepers, 'hook'), 'utf8'), '#!/bin/sh\n')
  await machine.takeDown()
  assert.deepEqual(readdirSync(doorkeepers), ['README'])
})

test('another version than the one that set the machine up is noticed', async () => {
  await machine.setUp()
  be('0.2.0')
  const { kind, plan } = await machine.setUp()
  assert.equal(kind, 'done')
  assert.match(plan?.notes[0] ?? '', /^this machine was set up by nixsig 0\.1\.0 in \S+; this is 0\.2\.0 in /)
  assert.equal((await machine.setUp()).kind, 'nothing')
})

test('a build without a C compiler does not take the plugin out, unless that is asked for', async () => {
  await machine.setUp()
  rmSync(join(machine.directory, 'native'), { recursive: true })
  const before = conf()
  const { kind, plan } = await machine.setUp()
  assert.equal(kind, 'blocked')
  assert.match(
    plan?.obstacles[0] ?? '',
    /the store plugin is in force, and \S+ has none, because it was built without/,
  )
  assert.equal(conf(), before)
  assert.equal((await machine.setUp(['plugin'])).kind, 'done')
  assert.doesNotMatch(conf(), /^plugin-files/m)
})

test('attack: an older program that comes first in PATH does not take the machine back', async () => {
  be('0.2.0')
  await machine.setUp()
  const before = conf()
  be('0.1.0')
  const refused = await machine.setUp()
  assert.equal(refused.kind, 'blocked')
  assert.match(
    refused.plan?.obstacles.join() ?? '',
    /this is nixsig 0\.1\.0 in \S+, and is older than 0\.2\.0 in \S+, which .*: \S+\/nixsig setup --older/,
  )
  assert.equal(conf(), before)
  const wish = { directory: machine.directory, without: [], older: 'taken' } as const
  assert.equal((await setUp(machine.places, wish, async () => true)).kind, 'done')
  assert.match(readFileSync(recordFile(machine.places), 'utf8'), /"program": ?"0\.1\.0"/)
  be('0.2.0')
  assert.equal((await machine.setUp()).kind, 'done')
})
