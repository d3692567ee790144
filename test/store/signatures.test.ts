// Anybody can add signatures to a path: any number of them, of any bytes and lengths.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSignatures, SIGNATURES } from '../../src/store/signatures.ts'
import { openStore } from '../../src/store/store-client.ts'
import { encode } from '../../src/store/wire.ts'
import { greeting, LAST, WELCOME, withFakeDaemon } from '../support/fake-daemon.ts'
import { readAll } from '../support/read-all.ts'

const PATH = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-hello'
const signatureBy = (name: string, number = 0) =>
  `${name}:${Buffer.alloc(64, `${number}`).toString('base64')}`
const HONEST = signatureBy('honest-1')
const HEAD = encode(LAST, 1, '', 'a'.repeat(64), [], 0, 120, 0)

/** Answers with these signatures in pieces of any size, as fast as they are read. */
async function send(socket: Socket, pieces: Iterable<Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
}

async function infoFrom(pieces: Iterable<Uint8Array>, names: readonly string[]) {
  const answer = (socket: Socket) => void send(socket, pieces)
  return withFakeDaemon([greeting(35), WELCOME, answer], async ({ socket }) => {
    const store = await openStore({ socket })
    try {
      return await store.pathInfo(PATH, new Set(names))
    } finally {
      store.close()
    }
  })
}

test('attack: eleven million signatures of three bytes leave a path readable, at little cost', async () => {
  const count = 11_500_000
  const batch = Buffer.alloc(16 * 10_000)
  for (let at = 0; at < batch.length; at += 16) batch.set([3, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x62, 0x63], at)
  function* pieces() {
    yield HEAD
    yield encode(count + 1)
    for (let sent = 0; sent < count; sent += 10_000) yield batch
    yield encode(HONEST, '')
  }
  const before = process.memoryUsage().rss
  const started = process.cpuUsage()
  const info = await infoFrom(pieces(), ['honest-1'])
  const { user } = process.cpuUsage(started)
  assert.equal(info?.signatures[0], HONEST)
  assert.equal(info?.signatures.length, 1 + SIGNATURES.strange)
  assert.ok(process.memoryUsage().rss - before < 256 * 1024 * 1024)
  assert.ok(user < 20e6, `${user / 1e6} seconds`)
})

test('attack: signatures by other names do not crowd out those by a listed one', async () => {
  const crowd = Array.from({ length: 50_000 }, (_, number) => signatureBy(`!${number}`))
  const signatures = [...crowd, HONEST]
  const blind = await infoFrom([HEAD, encode(signatures, '')], [])
  assert.equal(blind?.crowdedOut, signatures.length - SIGNATURES.others)
  const info = await infoFrom([HEAD, encode(signatures, '')], ['honest-1'])
  assert.equal(info?.signatures[0], HONEST)
  assert.equal(info?.crowdedOut, signatures.length - 1 - SIGNATURES.others)
})

test('whatever the signatures are, and in whatever pieces they arrive, all is read and the listed ones are kept', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 120 }),
    fc.nat(5000).map(length => 'x'.repeat(length)),
    fc.nat(9).map(number => signatureBy('honest-1', number)),
    fc.string({ maxLength: 20 }).map(name => signatureBy(name)),
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 })
  return fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 40 }), sizes, async (texts, sizes) => {
      const list = encode(texts)
      const read = readAll(readSignatures('signatures', new Set(['honest-1'])), Buffer.concat([list, HEAD]))
      assert.equal(read.left, HEAD.length)
      for (const each of texts) {
        if (each.startsWith('honest-1:') && each.endsWith('==')) assert.ok(read.value.kept.includes(each))
      }
      const whole = Buffer.concat([HEAD, list, encode('text:x')])
      function* pieces() {
        for (let [at, turn] = [0, 0]; at < whole.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1
          yield whole.subarray(at, at + size)
          at += size
        }
      }
      const info = await infoFrom(pieces(), ['honest-1'])
      assert.deepEqual(info?.signatures, read.value.kept)
      assert.equal(info?.ca, 'text:x')
    }),
    { numRuns: 60 },
  )
})
