// How the peer of a connection is identified.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import fc from 'fast-check'
import type { Client } from '../../src/gate/daemon-clients.ts'
import { openPeers } from '../../src/gate/peers.ts'
import { type Ends, openSocketOwners } from '../../src/gate/socket-owners.ts'
import { openSubordinateUsers } from '../../src/gate/subordinate-users.ts'

/** Addresses as the kernel writes them: from 127.0.0.1:40000 to 127.0.0.1:4649. */
const ENDS: Ends = {
  client: { address: '127.0.0.1', port: 40_000 },
  server: { address: '127.0.0.1', port: 4649 },
}
const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (state: string, uid: number, inode: number, ends = '0100007F:9C40 0100007F:1229') =>
  `   7: ${ends} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`

function ownersBy(tables: Readonly<Record<string, string>>, looks: { count: number } = { count: 0 }) {
  return openSocketOwners(async function* (file) {
    if (file.endsWith('/tcp')) looks.count++
    const text = Buffer.from(tables[file.endsWith('6') ? 'tcp6' : 'tcp'] ?? '', 'latin1')
    // The pieces do not end where rows end.
    for (let start = 0; start < text.length; start += 100) yield text.subarray(start, start + 100)
  })
}

test('the user of a connection is the one in its own row', async () => {
  const other = row('01', 5, 77, '0100007F:1229 0100007F:9C40')
  const owner = await ownersBy({ tcp: HEAD + other + row('01', 1000, 78) }).ownerOf(ENDS)
  assert.deepEqual(owner, { user: 1000, inode: '78' })
})

test('a row of the other table is found, as of a client that uses IPv6 for an address of IPv4', async () => {
  const mapped = '0000000000000000FFFF00000100007F'
  const table = HEAD + row('01', 1001, 78, `${mapped}:9C40 ${mapped}:1229`)
  assert.equal((await ownersBy({ tcp: HEAD, tcp6: table }).ownerOf(ENDS))?.user, 1001)
  const server = { address: '::ffff:127.0.0.1', port: 4649 }
  const client = { address: '::ffff:127.0.0.1', port: 40_000 }
  assert.equal((await ownersBy({ tcp6: table }).ownerOf({ client, server }))?.user, 1001)
})

test('rows of closing connections, which have number 0 whose ever they were, are nobody’s', async () => {
  for (const state of ['04', '05', '06', '08', '09']) {
    assert.equal(await ownersBy({ tcp: HEAD + row(state, 0, 0) }).ownerOf(ENDS), undefined)
    assert.equal(await ownersBy({ tcp: HEAD + row(state, 0, 78) }).ownerOf(ENDS), undefined)
  }
  assert.equal(await ownersBy({ tcp: HEAD + row('01', 0, 0) }).ownerOf(ENDS), undefined)
})

test('a table that is not there, is cut off or says anything else tells nothing', async () => {
  for (const tcp of ['', HEAD, row('01', 1000, 78).slice(0, 40), 'x'.repeat(10_000), '\n\n\n'])
    assert.equal(await ownersBy({ tcp }).ownerOf(ENDS), undefined)
  const broken = openSocketOwners(() => {
    throw new Error('no')
  })
  assert.equal(await broken.ownerOf(ENDS).catch(() => 'rejected'), undefined)
})

test('ten thousand who ask together cost a few looks', async () => {
  const looks = { count: 0 }
  const owners = ownersBy({ tcp: HEAD + row('01', 1000, 78) }, looks)
  const asked = Array.from({ length: 10_000 }, (_, n) =>
    owners.ownerOf({ ...ENDS, client: { address: '127.0.0.1', port: 40_000 + n } }),
  )
  await Promise.all(asked)
  assert.ok(looks.count <= 2, `${looks.count} looks`)
})

/** A server, and the peer that it finds for the next client. */
async function listening(t: TestContext, host: string) {
  const server: Server = createServer()
  t.after(() => server.close())
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return { server, port }
}

for (const [host, to] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::', '127.0.0.1'],
  ['::1', '::1'],
  ['0.0.0.0', '127.0.0.2'],
] as const) {
  test(`a server at ${host} knows its own user behind a connection to ${to}`, async t => {
    const { server, port } = await listening(t, host)
    const client = connect({ port, host: to })
    t.after(() => client.destroy())
    const [socket] = (await once(server, 'connection')) as [Socket]
    const user = process.getuid?.()
    const peer = user === 0 ? { name: 'root', kind: 'root' } : { name: `user ${user}`, kind: 'user' }
    assert.deepEqual(await openPeers()(socket), peer)
    socket.destroy()
  })
}

test('another user is told from root, and root from one who closed what root never opened', async t => {
  if (process.getuid?.() !== 0) return t.skip('needs root')
  const { server, port } = await listening(t, '127.0.0.1')
  const findPeer = openPeers()
  const program = `
    const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.write('x'))
    process.stdin.on('end', () => socket.end()).resume()
  `
  const child = spawn(process.execPath, ['-e', program], {
    uid: 65_534,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [socket] = (await once(server, 'connection')) as [Socket]
  socket.on('error', () => {})
  assert.deepEqual(await findPeer(socket), { name: 'user 65534', kind: 'user' })
  child.kill('SIGKILL')
  await once(child, 'close')
  await later(50)
  // The kernel writes user 0 for a connection whose process has gone.
  const afterwards = await findPeer(socket)
  assert.notEqual(afterwards?.kind, 'root')
  socket.destroy()
})

test('attack: a user whose nix-daemon process ends while it is looked for is not taken for root', async () => {
  const socket = { remoteAddress: '127.0.0.1', remotePort: 1, localAddress: '127.0.0.1', localPort: 2 }
  const peerBy = (looks: readonly ({ user: number; inode: string } | undefined)[]) => {
    const left = [...looks]
    return openPeers({
      owners: { ownerOf: async () => left.shift() },
      clients: { clientOf: async () => undefined },
    })(socket as Socket)
  }
  const [own, other] = [
    { user: 0, inode: '1' },
    { user: 0, inode: '2' },
  ]
  assert.deepEqual(await peerBy([own, own]), { name: 'root', kind: 'root' })
  for (const later of [undefined, other])
    assert.deepEqual(await peerBy([own, later]), { name: 'user unknown', kind: 'user' })
})

test('peers elsewhere are told by their address, those of IPv6 by its first half', async () => {
  const peerOf = (remoteAddress: string) =>
    openPeers()({ remoteAddress, remotePort: 1, localAddress: '192.0.2.1', localPort: 4649 } as Socket)
  assert.deepEqual(await peerOf('192.0.2.7'), { name: 'machine 192.0.2.7', kind: 'machine' })
  assert.deepEqual(await peerOf('2001:db8::1'), await peerOf('2001:db8:0:0:ffff::2'))
  assert.deepEqual(await peerOf('2001:db8:1:2:3:4:5:6'), {
    name: 'machine 2001:db8:1:2',
    kind: 'machine',
  })
  assert.notDeepEqual(await peerOf('2001:db8:0:1::1'), await peerOf('2001:db8::1'))
  assert.deepEqual(await peerOf('::ffff:192.0.2.7'), {
    name: 'machine ::ffff:192.0.2.7',
    kind: 'machine',
  })
})

test('attack: whatever /etc/subuid gives to root, nobody else has the name of root, or of a peer of another kind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-peers-'))
  const places = { passwd: join(directory, 'passwd'), subuid: join(directory, 'subuid') }
  writeFileSync(places.passwd, 'root:x:0:0::/:\nalice:x:1000:1000::/:\n')
  let time = 0
  const userOf = openSubordinateUsers(places, () => time)
  const socket = { remoteAddress: '127.0.0.1', remotePort: 1, localAddress: '127.0.0.1', localPort: 2 }
  const peerOf = (user: number, client?: Client) =>
    openPeers({
      userOf,
      owners: { ownerOf: async () => ({ user, inode: '1' }) },
      clients: { clientOf: async () => client },
    })(socket as Socket)
  const owner = fc.constantFrom('root', '0', 'alice', '1000')
  const number = fc.constantFrom(0, 1, 100_000, 4_294_967_296)
  const user = fc.integer({ min: 1, max: 300_000 })
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(owner, number, number)), user, user, async (ranges, one, other) => {
        writeFileSync(places.subuid, ranges.map(range => `${range.join(':')}\n`).join(''))
        time += 1001
        const peers = await Promise.all([
          peerOf(0),
          peerOf(one),
          peerOf(0, { user: one }),
          peerOf(0, { worker: String(other) }),
        ])
        assert.deepEqual(
          peers.map(peer => peer?.kind),
          ['root', 'user', 'client', 'client'],
        )
        assert.equal(new Set(peers.map(peer => peer?.name)).size, 4)
      }),
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})
