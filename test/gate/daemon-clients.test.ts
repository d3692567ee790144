// The users for whom nix-daemon's processes ask, as told by proc(5).
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { clientNumber, isDaemonOrWorker, isMorePrivileged } from '../../src/files/proc-files.ts'
import { openDaemonClients } from '../../src/gate/daemon-clients.ts'
import { openPeers } from '../../src/gate/peers.ts'

interface Process {
  readonly line: string
  readonly user?: number
  readonly start?: number
  readonly isSecure?: boolean
  readonly sockets?: readonly number[]
  readonly children?: readonly number[]
}

function auxiliary(secure: bigint): Buffer {
  const words = [6n, 4096n, 23n, secure, 0n, 0n]
  const bytes = Buffer.alloc(8 * words.length)
  for (const [n, word] of words.entries()) bytes.writeBigUInt64LE(word, 8 * n)
  return bytes
}

/** A directory like /proc of a machine with these processes. */
function procOf(t: TestContext, processes: Readonly<Record<string, Process>>): string {
  const proc = mkdtempSync(join(tmpdir(), 'nixsig-proc-'))
  t.after(() => rmSync(proc, { recursive: true }))
  for (const [pid, process] of Object.entries(processes)) {
    const { line, user = 0, start = 100, isSecure = false, sockets = [], children = [] } = process
    const at = join(proc, pid)
    mkdirSync(join(at, 'fd'), { recursive: true })
    mkdirSync(join(at, 'task', pid), { recursive: true })
    writeFileSync(join(at, 'cmdline'), line, 'latin1')
    writeFileSync(join(at, 'stat'), `${pid} (a) b) S ${'0 '.repeat(18)}${start} 0 0\n`)
    writeFileSync(join(at, 'status'), `Name:\tx\nUid:\t${user}\t0\t0\t0\n`)
    writeFileSync(join(at, 'auxv'), auxiliary(isSecure ? 1n : 0n))
    writeFileSync(join(at, 'task', pid, 'children'), children.map(child => `${child} `).join(''))
    symlinkSync('/dev/null', join(at, 'fd', '0'))
    for (const inode of sockets) symlinkSync(`socket:[${inode}]`, join(at, 'fd', `${inode}`))
  }
  return proc
}

const DAEMON = '/usr/bin/nix-daemon\0--daemon\0'
const worker = (client: number) => `/usr/bin/nix-daemon\0${String(client).padEnd(8, '\0')}\0`

test('a process of nix-daemon asks for the user of its client; what else root has open is root’s', async t => {
  const proc = procOf(t, {
    10: { line: DAEMON, children: [20, 21] },
    20: { line: worker(300), sockets: [7, 8], start: 200 },
    21: { line: worker(301), sockets: [9], start: 200 },
    40: { line: 'curl\0x\0', sockets: [11] },
    300: { line: 'nix-build\0', user: 1000 },
    301: { line: 'nix-build\0', user: 0 },
  })
  const clients = openDaemonClients(proc)
  assert.deepEqual(await Promise.all(['7', '8', '9', '11', '12'].map(clients.clientOf)), [
    { user: 1000 },
    { user: 1000 },
    { user: 0 },
    undefined,
    undefined,
  ])
})

test('a process whose daemon was started again is still known as one of nix-daemon’s', async t => {
  const proc = procOf(t, {
    10: { line: DAEMON },
    20: { line: worker(300), sockets: [7], start: 200 },
    300: { line: 'nix-build\0', user: 1000 },
  })
  assert.deepEqual(await openDaemonClients(proc).clientOf('7'), { user: 1000 })
})

for (const [what, line, client] of [
  ['has ended', worker(300), undefined],
  ['has ended, and its number was given to another process', worker(300), { start: 201 }],
  ['became a program with more rights, as sudo', worker(300), { isSecure: true }],
  ['has a number for which there was no room', '/usr/bin/nix\0' + '123456\0', { user: 1000 }],
] as const) {
  test(`attack: a client that ${what} is neither root nor another user`, async t => {
    const number = line.includes('123456') ? 123_456 : 300
    const proc = procOf(t, {
      10: { line: DAEMON, children: [20] },
      20: { line, sockets: [7], start: 200 },
      ...(client === undefined ? {} : { [number]: { line: 'x\0', user: 0, ...client } }),
    })
    const clients = openDaemonClients(proc)
    assert.deepEqual(await clients.clientOf('7'), { worker: '20' })
    const owners = { ownerOf: async () => ({ user: 0, inode: '7' }) }
    const ends = { remotePort: 1, localAddress: '127.0.0.1', localPort: 4649 }
    const socket = { remoteAddress: '127.0.0.1', ...ends } as Parameters<ReturnType<typeof openPeers>>[0]
    const peer = await openPeers({ owners, clients })(socket)
    assert.deepEqual(peer, { name: 'client of process 20', kind: 'client' })
  })
}

test('no command line and no auxiliary vector makes these readers fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
      const buffer = Buffer.from(bytes)
      const number = clientNumber(buffer)
      assert.ok(number === undefined || /^[1-9][0-9]{0,6}$/.test(number))
      assert.equal(typeof isDaemonOrWorker(buffer), 'boolean')
      assert.equal(typeof isMorePrivileged(buffer), 'boolean')
    }),
  )
})

test('a directory that is not there, as where proc(5) may not be looked at, tells of nobody', async () => {
  assert.equal(await openDaemonClients('/nonexistent').clientOf('7'), undefined)
})
