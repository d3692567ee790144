import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openRoom, type RoomLimits } from '../../src/gate/nar-room.ts'
import { openSpool } from '../../src/gate/nar-spool.ts'
import type { Peer } from '../../src/gate/peers.ts'

const LIMITS: RoomLimits = {
  bytes: 1000,
  files: 16,
  share: { root: 1, client: 1 / 4, user: 1 / 8, machine: 1 / 4 },
  free: 0,
}
const ROOT: Peer = { name: 'root', kind: 'root' }
const [ALICE, BOB] = ['alice', 'bob'].map((name): Peer => ({ name: `client ${name}`, kind: 'client' })) as [
  Peer,
  Peer,
]

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-room-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'nars')
}

const ignore = () => undefined

test("attack: one user's NARs take no more than that user's share, and the others still have room", t => {
  const room = openRoom(place(t), ignore, LIMITS)
  const first = room.take(ALICE, 200)
  assert.ok(first)
  assert.equal(room.take(ALICE, 51), undefined)
  assert.ok(room.take(BOB, 250))
  assert.equal(room.take(BOB, 1), undefined)
  assert.ok(room.take(ROOT, 550))
  assert.equal(room.take(ROOT, 1), undefined, 'all of it is taken')
  first.release()
  first.release()
  assert.ok(room.take(ROOT, 200))
  assert.equal(room.take(ROOT, 1), undefined, 'given back once')
})

test('attack: one user has no more files at once than the share', t => {
  const room = openRoom(place(t), ignore, LIMITS)
  const taken = Array.from({ length: 5 }, () => room.take(ALICE, 1))
  assert.equal(taken.filter(Boolean).length, 4)
  assert.ok(room.take(BOB, 1))
  taken[0]?.release()
  assert.ok(room.take(ALICE, 1))
})

test('a disk that is nearly full gives no room', t => {
  const room = openRoom(place(t), ignore, { ...LIMITS, free: Number.MAX_SAFE_INTEGER })
  assert.equal(room.take(ROOT, 1), undefined)
})

test('what a killed gate left is removed, and a directory that others can write to is not used', t => {
  const directory = place(t)
  mkdirSync(directory, { mode: 0o700 })
  writeFileSync(join(directory, 'ab'.repeat(16)), 'x')
  writeFileSync(join(directory, 'other'), 'x')
  assert.ok(openRoom(directory, ignore, LIMITS).take(ROOT, 1))
  assert.deepEqual(readdirSync(directory), ['other'])
  chmodSync(directory, 0o777)
  const problems: string[] = []
  assert.equal(openRoom(directory, ({ message }) => problems.push(message), LIMITS).take(ROOT, 1), undefined)
  assert.match(problems.join(), /is writable by others/)
})

test('what a spool holds is in memory, then in a file without a name, and it takes no more than its room', async t => {
  const directory = place(t)
  const room = openRoom(directory, ignore, { ...LIMITS, bytes: 200_000 })
  const spool = openSpool(room.take(ROOT, 150_000))
  const piece = Buffer.alloc(50_000, 'abc')
  for (let round = 0; round < 2; round++) {
    for (let count = 1; count <= 3; count++) {
      assert.equal(await spool.write(piece), true)
      assert.equal(spool.size(), count * piece.length)
    }
    assert.equal(await spool.write(Buffer.from('x')), false)
    assert.equal(spool.size(), 3 * piece.length)
    const parts: Buffer[] = []
    for await (const part of spool.read({ start: 10, end: 120_009 })) parts.push(part)
    assert.deepEqual(Buffer.concat(parts), Buffer.concat([piece, piece, piece]).subarray(10, 120_010))
    await spool.reset()
    assert.equal(spool.size(), 0)
  }
  assert.deepEqual(readdirSync(directory), [])
  await spool.close()
  await spool.close()
  assert.ok(room.take(ROOT, 200_000), 'its room is given back')
})

test('without room only what fits into memory is kept, and nothing is written', async t => {
  const spool = openSpool(undefined)
  assert.equal(await spool.write(Buffer.alloc(60_000)), true)
  assert.equal(await spool.write(Buffer.alloc(60_000)), false)
  assert.equal(spool.size(), 60_000)
  assert.equal(existsSync(place(t)), false)
})
