// A listening socket that one process opens for another, which accepts connections from it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ACCEPTORS, withListening } from '../../src/gate/listening.ts'

/**
 * Accepts from descriptors 3 and up. Does nothing for two seconds after the first connection.
 * Prints how many turns its event loop took until it had all connections.
 */
const CHILD = `
const net = require('node:net')
const [count, files] = process.argv.slice(1).map(Number)
let accepted = 0
let turns = 0
const turn = () => {
  turns++
  if (accepted < count) return setImmediate(turn)
  console.log(turns)
  process.exit()
}
const take = () => {
  if (accepted++ > 0) return
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000)
  turn()
}
let listening = 0
const ready = () => { if (++listening === files) console.log('ready') }
for (let n = 0; n < files; n++) net.createServer(take).listen({ fd: 3 + n }, 4096, ready)
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/**
 * How many turns the other process takes to accept `count` connections that are made at about the
 * same time.
 */
async function turnsFor(t: TestContext, count: number, files: number): Promise<number> {
  const port = await freePort()
  const child = await withListening({ host: '127.0.0.1', port }, ({ file, close }) => {
    const inherited = new Array<number>(files).fill(file)
    const stdio = ['ignore', 'pipe', 'inherit', ...inherited] as const
    const started = spawn(process.execPath, ['-e', CHILD, String(count), String(files)], {
      stdio: [...stdio],
    })
    close()
    return started
  })
  t.after(() => child.kill('SIGKILL'))
  assert.ok(child.stdout !== null)
  const lines = child.stdout.setEncoding('utf8')
  const [ready] = (await once(lines, 'data')) as [string]
  assert.equal(ready, 'ready\n')
  for (let n = 0; n < count; n++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.after(() => socket.destroy())
  }
  const [turns] = (await once(lines, 'data')) as [string]
  return Number(turns)
}

test('attack: of 300 connections that are opened at once, many are accepted in one turn', async t => {
  const one = await turnsFor(t, 300, 1)
  const many = await turnsFor(t, 300, ACCEPTORS)
  assert.ok(many < one / 4, `${many} turns, with one file ${one}`)
})

test('an address that is taken is said to be', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await assert.rejects(
    withListening({ host: '127.0.0.1', port }, () => {}),
    /EADDRINUSE/,
  )
})
