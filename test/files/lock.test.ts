import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { judgeWithin } from '../../src/files/deadline.ts'
import { canBeLocked, withLock, withLockIfFree, withLockOrWithout } from '../../src/files/lock.ts'

/** The name of a missing lock in a directory that everybody may enter. */
function lockIn(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-lock-'))
  chmodSync(directory, 0o755)
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'lock')
}

/**
 * Holds a kernel lock on a file until the test ends, as another program would. Resolves once it is
 * held.
 */
async function held(t: TestContext, file: string): Promise<void> {
  const child = spawn('flock', ['--no-fork', '--exclusive', file, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  await new Promise<void>(resolve => child.stdout.once('data', () => resolve()))
}

function isFree(file: string): boolean {
  return spawnSync('flock', ['--exclusive', '--nonblock', file, 'true']).status === 0
}

test('actions under a lock run one after another', async t => {
  const lock = lockIn(t)
  const events: string[] = []
  const work = (name: string) =>
    withLock(lock, async () => {
      events.push(`${name} begins`)
      await later(30)
      events.push(`${name} ends`)
    })
  await Promise.all([work('a'), work('b'), work('c')])
  for (let each = 0; each < events.length; each += 2) {
    assert.equal(events[each + 1], events[each]?.replace('begins', 'ends'))
  }
})

test('a lock is held during the action and free afterwards, even if it throws', async t => {
  const lock = lockIn(t)
  await withLock(lock, async () => assert.equal(isFree(lock), false))
  assert.equal(isFree(lock), true)
  await assert.rejects(
    withLock(lock, async () => {
      throw new Error('no')
    }),
    /^Error: no$/,
  )
  assert.equal(isFree(lock), true)
})

test('nobody else may open the lock file', async t => {
  const lock = lockIn(t)
  const mask = process.umask(0)
  t.after(() => process.umask(mask))
  await withLock(lock, async () => assert.equal(lstatSync(lock).mode & 0o777, 0o600))
})

for (const mode of [0o644, 0o666, 0o640, 0o604]) {
  test(`a lock that others could open (${mode.toString(8)}) and hold is replaced`, async t => {
    const lock = lockIn(t)
    writeFileSync(lock, '')
    chmodSync(lock, mode)
    await held(t, lock)
    const before = lstatSync(lock).ino
    const started = Date.now()
    await withLock(lock, async () => undefined)
    assert.ok(Date.now() - started < 5000)
    assert.equal(lstatSync(lock).mode & 0o777, 0o600)
    assert.notEqual(lstatSync(lock).ino, before)
  })
}

test("another user's lock, a symbolic link and a hard link are replaced, and their targets are left alone", async t => {
  const lock = lockIn(t)
  const other = `${lock}.other`
  writeFileSync(other, 'precious', { mode: 0o600 })
  symlinkSync(other, lock)
  await withLock(lock, async () => assert.ok(lstatSync(lock).isFile()))
  rmSync(lock)
  linkSync(other, lock)
  await held(t, other)
  await withLock(lock, async () => assert.notEqual(lstatSync(lock).ino, lstatSync(other).ino))
  assert.equal(lstatSync(other).size, 8)
})

test('a directory with the name of a lock is an error', async t => {
  const lock = lockIn(t)
  mkdirSync(lock)
  await assert.rejects(
    withLock(lock, async () => undefined),
    /is a directory, and a lock is a file/,
  )
})

test('another user cannot take the lock', { skip: process.geteuid?.() !== 0 }, async t => {
  const lock = lockIn(t)
  await withLock(lock, async () => undefined)
  const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
  for (const flag of ['--exclusive', '--shared']) {
    const { status, stderr } = spawnSync('setpriv', [...user, 'flock', '--nonblock', flag, lock, 'true'])
    assert.notEqual(status, 0)
    assert.match(stderr.toString(), /Permission denied/)
  }
})

test("waiting for a lock ends with the judgement's time", async t => {
  const lock = lockIn(t)
  writeFileSync(lock, '', { mode: 0o600 })
  await held(t, lock)
  const alive = setTimeout(() => undefined, 5000)
  t.after(() => clearTimeout(alive))
  const waiting = judgeWithin(() => withLock(lock, async () => undefined), 200)
  await assert.rejects(waiting, /no verdict within 0\.2 seconds/)
})

test('a lock is released when the time of its judgement is over', async t => {
  const lock = lockIn(t)
  const alive = setTimeout(() => undefined, 5000)
  t.after(() => clearTimeout(alive))
  const stuck = judgeWithin(() => withLock(lock, () => new Promise<void>(() => {})), 300)
  await assert.rejects(stuck, /no verdict within/)
  await withLock(lock, async () => undefined)
})

test('without waiting, a held lock is reported at once and nothing is done', async t => {
  const lock = lockIn(t)
  assert.deepEqual(await withLockIfFree(lock, async () => 1), { value: 1 })
  await held(t, lock)
  const started = Date.now()
  assert.equal(await withLockIfFree(lock, async () => assert.fail('it is held')), undefined)
  assert.equal(await withLockOrWithout(lock, async () => 2), 2)
  assert.ok(Date.now() - started < 5000)
})

test('withLockOrWithout runs without a lock that cannot be had, and with one that is free', async t => {
  const lock = lockIn(t)
  await withLockOrWithout(lock, async () => assert.equal(isFree(lock), false))
  assert.equal(isFree(lock), true)
  assert.equal(canBeLocked(lock), true)
  const directory = join(lock, '..', 'directory')
  mkdirSync(directory)
  assert.equal(canBeLocked(directory), false)
  assert.equal(await withLockOrWithout(directory, async () => 3), 3)
  await assert.rejects(
    withLockIfFree(directory, async () => 4),
    /is a directory/,
  )
})
