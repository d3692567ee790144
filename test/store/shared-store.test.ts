// Many who ask through one store: what fails or takes long, does so for itself alone.
// needs: alone
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { shareStore } from '../../src/store/shared-store.ts'
import { openStore, type Store } from '../../src/store/store-client.ts'
import { encode } from '../../src/store/wire.ts'
import { greeting, LAST, WELCOME } from '../support/fake-daemon.ts'

const LIMITS = { patience: 40, apart: 2, wait: 5000, memory: 60_000 }
const TIMEOUT = 150

/** For what does not depend on time: nothing is too slow. */
const PATIENT = { patience: 60_000, timeout: 60_000 }

/** What the daemon does when it is asked about a path; the path's name says which. */
const BEHAVIOUR: Record<string, (socket: Socket, asked: number) => void> = {
  fast: socket => void socket.write(encode(LAST, 0)),
  refused: socket => void socket.write(encode(0x63787470, 'Error', 0, 'Error', 'no', 0, 0)),
  silent: () => {},
  drips: socket => {
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write('')), 20)
    socket.write(encode(LAST, 1, '', 'a'.repeat(64), [], 0, 120, 0, 2 ** 40))
  },
  malformed: socket => void socket.write(encode(LAST, 7)),
  gone: socket => void socket.destroy(),
  once: (socket, asked) => (asked === 1 ? socket.destroy() : void socket.write(encode(LAST, 0))),
}
const ENDS: Record<string, RegExp | undefined> = {
  fast: undefined,
  once: undefined,
  refused: /the Nix store says: no/,
  silent: /no answer within 150 ms|takes long/,
  drips: /no answer within 150 ms|takes long/,
  malformed: /neither 0 nor 1/,
  gone: /went away/,
}

interface Daemon {
  /** How often each path was asked about. */
  readonly asked: ReadonlyMap<string, number>
  /** How many connections there were, and are at most at once. */
  readonly connections: { all: number; now: number; most: number }
  readonly sockets: ReadonlySet<Socket>
}

async function withDaemon(
  use: (store: Store, daemon: Daemon) => Promise<void>,
  { patience, timeout } = { patience: LIMITS.patience, timeout: TIMEOUT },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-shared-'))
  const socket = join(directory, 'socket')
  const asked = new Map<string, number>()
  const connections = { all: 0, now: 0, most: 0 }
  const sockets = new Set<Socket>()
  const server = createServer(connection => {
    sockets.add(connection)
    connections.all++
    connections.most = Math.max(connections.most, ++connections.now)
    connection.on('error', () => {})
    connection.on('close', () => {
      connections.now--
      sockets.delete(connection)
    })
    let turn = 0
    connection.on('data', chunk => {
      turn++
      if (turn === 1) return connection.write(greeting(35))
      if (turn === 2) return connection.write(WELCOME)
      const [path = '', name = ''] =
        /\/nix\/store\/[0-9a-z]{32}-([a-z]+)/.exec(chunk.toString('latin1')) ?? []
      const count = (asked.get(path) ?? 0) + 1
      asked.set(path, count)
      // A temporary root: operation 11.
      if (chunk[0] === 11) return connection.write(encode(LAST, 1))
      return BEHAVIOUR[name]?.(connection, count)
    })
  })
  await new Promise<void>(resolve => server.listen(socket, resolve))
  const store = shareStore(() => openStore({ socket, timeout }), { ...LIMITS, patience })
  try {
    await use(store, { asked, connections, sockets })
  } finally {
    store.close()
    for (const each of sockets) each.destroy()
    await new Promise(resolve => server.close(resolve))
    rmSync(directory, { recursive: true })
  }
}

const pathOf = (name: string, number: number) => `/nix/store/${String(number).padStart(32, '0')}-${name}`

/** How a question ends, and how often it was asked: once more where a busy machine made it slow. */
function assertEnd(name: string, result: PromiseSettledResult<unknown>, asked: number): void {
  const end = ENDS[name]
  if (end === undefined) assert.equal(result.status, 'fulfilled', name)
  else assert.match(String(result.status === 'rejected' && result.reason), end)
  const usual = name === 'once' || name === 'gone' ? 2 : 1
  assert.ok(asked >= usual && asked <= usual + 1, `${name} asked ${asked} times`)
}

test('attack: whatever the answers to others are, each question ends as if it were asked alone', () => {
  const name = fc.constantFrom(...Object.keys(BEHAVIOUR), 'fast', 'fast', 'fast')
  return fc.assert(
    fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 24 }), names =>
      withDaemon(async (store, { asked, connections }) => {
        const ends = names.map((name, number) => store.pathInfo(pathOf(name, number)))
        const results = await Promise.allSettled(ends)
        for (const [number, result] of results.entries()) {
          const name = names[number] ?? ''
          assertEnd(name, result, asked.get(pathOf(name, number)) ?? 0)
        }
        assert.ok(connections.most <= 1 + LIMITS.apart + 1, `${connections.most} at once`)
      }),
    ),
    { numRuns: 30 },
  )
})

test('attack: questions with expensive answers, asked again and again, delay nobody else’s', () =>
  withDaemon(async store => {
    const expensive: Promise<unknown>[] = []
    for (let number = 0; number < 6; number++) {
      for (let times = 0; times < 5; times++) expensive.push(store.pathInfo(pathOf('silent', number)))
    }
    const settled = Promise.allSettled(expensive)
    // The first time, each of the six takes the lane for as long as a question is waited for.
    const started = performance.now()
    await store.pathInfo(pathOf('fast', 100))
    assert.ok(performance.now() - started < 30 * LIMITS.patience + 1000)
    const took: number[] = []
    for (let number = 0; number < 21; number++) {
      void store.pathInfo(pathOf('silent', number % 6)).catch(() => {})
      const before = performance.now()
      await store.pathInfo(pathOf('fast', number))
      took.push(performance.now() - before)
    }
    const median = took.toSorted((a, b) => a - b)[10] ?? 0
    assert.ok(median < LIMITS.patience / 2, `waited ${median} ms, behind an expensive one`)
    assert.ok((await settled).every(({ status }) => status === 'rejected'))
  }))

test('fault: when the daemon is restarted again and again, all are answered, and one connection serves them', () =>
  withDaemon(async (store, { connections }) => {
    const all = Array.from({ length: 60 }, (_, number) => store.pathInfo(pathOf('once', number)))
    assert.equal((await Promise.all(all)).length, 60)
    const before = connections.all
    await Promise.all(Array.from({ length: 500 }, (_, number) => store.pathInfo(pathOf('fast', number))))
    assert.ok(connections.all - before <= 1)
  }, PATIENT))

test('a temporary root lasts although the connections of questions are lost', () =>
  withDaemon(async (store, { sockets }) => {
    await store.addTempRoot(pathOf('root', 1))
    const [holder] = sockets
    await assert.rejects(store.pathInfo(pathOf('gone', 1)), /went away/)
    await assert.rejects(store.pathInfo(pathOf('silent', 1)), /no answer/)
    assert.equal(holder?.destroyed, false)
    await store.addTempRoot(pathOf('root', 2))
    assert.ok(holder !== undefined && sockets.has(holder))
  }))

test('closing fails what is asked, what waits and what comes later', () =>
  withDaemon(async store => {
    const all = Array.from({ length: 8 }, (_, number) => store.pathInfo(pathOf('silent', number)))
    setTimeout(() => store.close(), 100)
    for (const { status, reason } of (await Promise.allSettled(all)) as PromiseRejectedResult[]) {
      assert.equal(status, 'rejected')
      assert.match(String(reason), /was closed|no answer/)
    }
    await assert.rejects(store.pathInfo(pathOf('fast', 1)), /was closed/)
    assert.equal(store.isOpen(), false)
  }))

test('where no daemon can be reached, each question says so', async () => {
  const store = shareStore(() => openStore({ socket: '/nonexistent/socket', nixBin: '/nonexistent' }), LIMITS)
  const all = [store.pathInfo(pathOf('fast', 1)), store.validPaths([]), store.version()]
  for (const { status } of await Promise.allSettled(all)) assert.equal(status, 'rejected')
})
