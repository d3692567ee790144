/** Turns of programs and of stores' processes: who has them, and what happens to those who wait. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpUpstream } from '../../src/evidence/upstreams/http.ts'
import { keepSessions } from '../../src/evidence/upstreams/stores/sessions.ts'
import { streamNar } from '../../src/evidence/upstreams/stores/stream-nar.ts'
import { asNarFault, openNarFaults } from '../../src/gate/nar-faults.ts'
import { openFlow, type Pace } from '../../src/gate/nar-source.ts'
import { failureOf } from '../../src/gate/nar-transfer.ts'
import { openNarTurns, type PeerTurns } from '../../src/gate/nar-turns.ts'
import type { Peer } from '../../src/gate/peers.ts'
import { NoTurn } from '../../src/http/program-turns.ts'

const ROOT: Peer = { name: 'root', kind: 'root' }
const user = (name: number): Peer => ({ name: `user ${name}`, kind: 'user' })
const client = (name: number): Peer => ({ name: `client ${name}`, kind: 'client' })
const NEVER = new AbortController().signal
setMaxListeners(0, NEVER)

type Kind = 'unpacking' | 'program' | 'sending'
const KINDS: readonly Kind[] = ['unpacking', 'program', 'sending']

function take(turns: PeerTurns, kind: Kind, signal = NEVER): Promise<() => void> {
  return kind === 'sending' ? turns.sending('ssh-ng://store.example', signal) : turns[kind](signal)
}

for (const kind of KINDS) {
  test(`attack: plain users who keep all their turns (${kind}) leave those of root and of nix-daemon’s users`, async () => {
    const turns = openNarTurns(50)
    const taken: (() => void)[] = []
    const all = Array.from({ length: 20 }, (_, n) =>
      Array.from({ length: 20 }, () => take(turns.of(user(n)), kind)),
    ).flat()
    const refused = (await Promise.allSettled(all)).filter(one => {
      if (one.status === 'fulfilled') taken.push(one.value)
      return one.status === 'rejected' && one.reason instanceof NoTurn
    })
    // Nobody waits for ever.
    assert.equal(refused.length + taken.length, 400)
    assert.ok(taken.length >= 2 && taken.length <= 32, `${taken.length} turns`)
    for (const peer of [ROOT, client(1), client(2)]) await take(turns.of(peer), kind)
    for (const done of taken) done()
    await take(turns.of(user(99)), kind)
  })

  test(`attack: one plain user who keeps turns (${kind}) leaves some to another one`, async () => {
    const turns = openNarTurns(50)
    await Promise.allSettled(Array.from({ length: 20 }, () => take(turns.of(user(1)), kind)))
    await take(turns.of(user(2)), kind)
  })

  test(`whoever goes away while waiting (${kind}) takes no turn`, async () => {
    const turns = openNarTurns(1000)
    const held = await Promise.all(
      Array.from({ length: 50 }, () =>
        take(turns.of(ROOT), kind, AbortSignal.timeout(20)).catch(() => undefined),
      ),
    )
    const gone = held.filter(done => done === undefined)
    const [first] = held
    if (gone.length > 0) first?.()
    await take(turns.of(ROOT), kind)
  })
}

test('a store sends each peer’s NARs in turns of its own', async () => {
  const turns = openNarTurns(50).of(user(1))
  await turns.sending('ssh-ng://one.example', NEVER)
  await turns.sending('ssh-ng://two.example', NEVER)
  await assert.rejects(turns.sending('ssh-ng://one.example', NEVER), NoTurn)
})

const NAR = randomBytes(900_000)
const FILE = { upstream: 'https://cache.example', file: 'nar/x', compression: 'none' }
const TICKET = {
  form: 'file',
  hash: createHash('sha256').update(NAR).digest('hex'),
  narSize: NAR.length,
  files: [FILE],
} as const
const PACE: Pace = { bytes: 1000, ms: 100 }

/** A cache whose files are all this NAR in an encoding that nobody asked for. */
async function encoding(t: TestContext, timeout = 200) {
  const body = execFileSync('xz', ['-c', '-0'], { input: NAR, maxBuffer: 1 << 24 })
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-encoding': 'xz' }).end(body),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return httpUpstream({ url }, { timeout, http: { noProxy: [] } })
}

test('a cache is not taken for slow while the turn of a program is waited for', async t => {
  const upstream = await encoding(t)
  const turns = openNarTurns()
  const held = await Promise.all([take(turns.of(user(1)), 'program'), take(turns.of(user(1)), 'program')])
  const reading = { ticket: TICKET, turns: turns.of(user(1)), pace: PACE, from: 0, signal: NEVER }
  const opening = openFlow({ file: FILE, upstream }, reading)
  await sleep(600)
  held[0]?.()
  const flow = await opening
  let size = 0
  for (let piece = await flow.next(); piece !== undefined; piece = await flow.next()) size += piece.length
  assert.equal(size, NAR.length)
  // The turn came back with the last byte.
  ;(await take(turns.of(user(1)), 'program'))()
})

test('a stream that is not read to its end gives its turn back', async t => {
  const upstream = await encoding(t, 2000)
  const turns = openNarTurns(1000).of(user(1))
  for (let count = 0; count < 6; count++) {
    const streamed = await upstream.stream('nar/x', { turns })
    streamed?.body.once('readable', () => streamed.body.destroy())
    if (count % 2 === 0) streamed?.body.destroy()
  }
})

test('a file that got no turn is not held against the cache: 503, and nothing is logged', async t => {
  const upstream = await encoding(t)
  const turns = openNarTurns(50).of(user(1))
  const held = [await take(turns, 'program'), await take(turns, 'program')]
  const source = { file: FILE, upstream }
  const reading = { ticket: TICKET, turns, pace: undefined, from: 0, signal: NEVER }
  const fault = await openFlow(source, reading).then(() => assert.fail(), asNarFault)
  assert.equal(fault.kind, 'crowded')
  const log: string[] = []
  const faults = openNarFaults((_level, event) => log.push(event))
  faults.note(FILE, fault)
  assert.deepEqual(log, [])
  const answer = failureOf([[source, fault]])
  assert.equal(answer.status, 503)
  assert.equal(
    String(answer.body),
    'nixsig: no NAR: https://cache.example was not asked: too much is under way here: no turn for it within 0.05 seconds; next: try again later\n',
  )
  for (const done of held) done()
})

test('attack: a user who reads NARs of a store slowly keeps one of its processes, not all', async () => {
  const turns = openNarTurns(50)
  const sessions = keepSessions(
    async () => ({
      pathOf: async () => undefined,
      pathInfo: async () => undefined,
      async *nar() {
        yield NAR.subarray(0, 400_000)
        yield NAR.subarray(400_000)
      },
      isOpen: () => true,
      close() {},
    }),
    { count: 4, idle: 10, pause: 10 },
  )
  const nar = {
    path: '/nix/store/0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1-x',
    narHash: TICKET.hash,
    narSize: NAR.length,
  }
  const open = (peer: Peer) =>
    streamNar(sessions, nar, {
      range: undefined,
      signal: undefined,
      turn: signal => turns.of(peer).sending('ssh-ng://store.example', signal),
    })
  const slow = await open(user(1))
  await assert.rejects(open(user(1)), NoTurn)
  assert.deepEqual(Buffer.concat(await (await open(user(2))).body.toArray()), NAR)
  assert.deepEqual(Buffer.concat(await (await open(client(1))).body.toArray()), NAR)
  // It was not even begun, as for a HEAD request.
  slow.body.destroy()
  assert.deepEqual(Buffer.concat(await (await open(user(1))).body.toArray()), NAR)
  sessions.close()
})
