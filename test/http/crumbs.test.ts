// Bodies in pieces of a few bytes, each of which costs as much work as a large one.
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { get, respond } from '../../src/http/client.ts'

const chunked = (size: number, count: number) =>
  Buffer.from(`${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`.repeat(count))
const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
const END = '0\r\n\r\n'

async function question(t: TestContext, body: Buffer, limit = 1 << 20) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(HEAD)
      socket.write(body)
      socket.write(END)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const patience = { headers: 10_000, body: 10_000, pauses: [] }
  return { url: `http://127.0.0.1:${port}/x`, limit, excess: 'refuse', patience } as const
}

const REASON = /^SourceError: answered in pieces of less than 16 bytes$/

test('attack: a body in pieces of one byte costs little work', async t => {
  const asked = await question(t, chunked(1, 1_000_000))
  const before = process.cpuUsage()
  await assert.rejects(get(asked), REASON)
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 500_000, `${user + system} microseconds`)
})

test('attack: a stream that begins honestly and goes on in pieces of one byte', async t => {
  const asked = await question(t, Buffer.concat([chunked(1 << 16, 64), chunked(1, 100_000)]))
  const response = await respond(asked)
  let size = 0
  await assert.rejects(async () => {
    for await (const piece of response) size += (piece as Buffer).length
  }, REASON)
  assert.ok(size < (64 << 16) + 2048)
})

test('short pieces are read where they are few, or long enough', async t => {
  assert.equal((await get(await question(t, chunked(1, 1000)))).body.length, 1000)
  assert.equal((await get(await question(t, chunked(20, 5000)))).body.length, 100_000)
  const mixed = Buffer.concat(Array.from({ length: 500 }, () => [chunked(2, 4), chunked(100, 1)]).flat())
  assert.equal((await get(await question(t, mixed))).body.length, 54_000)
})
