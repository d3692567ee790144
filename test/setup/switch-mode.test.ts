import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import { giveRespite, respiteAt } from '../../src/ledger/respite.ts'
import { lockFile } from '../../src/setup/look.ts'
import { cutShort } from '../../src/setup/respite.ts'
import { policyInForce, switchMode } from '../../src/setup/switch-mode.ts'
import { type Machine, makeMachine } from './machine.ts'

let machine: Machine
beforeEach(() => {
  machine = makeMachine('own')
})
afterEach(() => machine.remove())

const text = () => readFileSync(machine.places.policy, 'utf8')

test('the file keeps its comments, mode and owner, and the store plugin sees the new mode at once', async () => {
  const { policy, state } = machine.places
  writeFileSync(policy, text().replace('mode = "warn"', 'mode = "warn" # ümläut'))
  chmodSync(policy, 0o640)
  const before = text()
  assert.deepEqual(await switchMode(machine.places, 'enforce'), { kind: 'no-gate' })
  assert.equal(text(), before.replace('"warn"', '"enforce"'))
  assert.equal(statSync(policy).mode & 0o777, 0o640)
  assert.equal(readSnapshot(state, policy)?.mode, 'enforce')
  assert.equal(await switchMode(machine.places, 'enforce'), undefined)
})

test('attack: a policy that is a symbolic link is not changed, nor is its target', async () => {
  const { policy } = machine.places
  const other = join(dirname(policy), 'other.toml')
  renameSync(policy, other)
  symlinkSync(other, policy)
  const before = text()
  await assert.rejects(
    switchMode(machine.places, 'enforce'),
    /is a symbolic link: what makes .*other\.toml has to/,
  )
  assert.equal(text(), before)
})

test('attack: a symbolic link to a secret file: its contents are not printed', async () => {
  const { policy } = machine.places
  const secret = join(dirname(policy), 'shadow')
  writeFileSync(secret, 'root:$y$secret:1:::\n')
  rmSync(policy)
  symlinkSync(secret, policy)
  await assert.rejects(switchMode(machine.places, 'warn'), (error: Error) => !error.message.includes('$y$'))
})

test('attack: a policy that others could have written is not put into effect', async () => {
  const { policy } = machine.places
  chmodSync(policy, 0o666)
  await assert.rejects(switchMode(machine.places, 'enforce'), /policy\.toml is writable by others/)
  chmodSync(policy, 0o644)
  chmodSync(dirname(policy), 0o777)
  await assert.rejects(switchMode(machine.places, 'enforce'), /etc\/nixsig is writable by others/)
  assert.match(text(), /mode = "warn"/)
})

test('an unusual way to write the mode is accepted if the mode need not change', async () => {
  const { policy } = machine.places
  writeFileSync(policy, text().replace('"warn"', '"""warn"""'))
  assert.equal(policyInForce(machine.places).mode, 'warn')
  assert.equal(await switchMode(machine.places, 'warn'), undefined)
  await assert.rejects(
    switchMode(machine.places, 'enforce'),
    /policy\.toml:2: write this line as mode = "warn"/,
  )
})

test('without a policy, changing the mode is an error', async () => {
  rmSync(machine.places.policy)
  await assert.rejects(
    switchMode(machine.places, 'enforce'),
    /there is no .*policy\.toml: nixsig setup creates one/,
  )
})

test('attack: a process that holds the lock keeps nobody from enforcing, or from ending a respite', async t => {
  const { places } = machine
  const lock = lockFile(places)
  mkdirSync(dirname(lock), { recursive: true })
  writeFileSync(lock, '', { mode: 0o600 })
  const holder = spawn('flock', ['--exclusive', lock, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  t.after(() => process.kill(-(holder.pid ?? 0), 'SIGKILL'))
  await new Promise(resolve => holder.stdout.once('data', resolve))
  const now = Math.floor(Date.now() / 1000)
  giveRespite(places.state, { since: now - 10, until: now + 3600, reason: '' })
  const started = Date.now()
  const ended = await cutShort(places, now)
  assert.equal(ended?.wasInForce, true)
  assert.equal(respiteAt(places.state, now), undefined)
  assert.deepEqual(await switchMode(places, 'enforce'), { kind: 'no-gate' })
  assert.match(text(), /^mode = "enforce"/m)
  assert.ok(Date.now() - started < 20_000)
})
