// A plain user floods the gate over HTTP: the cost for another user's build is measured.
// needs: alone
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../../bench/statistics.ts'
import * as nix from '../support/expressions.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'

const CONNECTIONS = 1000
/**
 * A flood ends once the builds in it are done, but goes on for this long where it is weighed what
 * it costs the gate.
 */
const SECONDS = 6
/**
 * Builds that are timed with nobody else there, beside the same flood of a port where nobody
 * answers, and in the flood.
 */
const BUILDS = 4

/**
 * Opens connections, again as soon as one is closed, and does with each what its mode says: asks
 * for paths that nobody has, a hundred at once; begins a request and leaves it at that; asks and
 * does not read; sends headers without end.
 */
const FLOOD = `
import { existsSync } from 'node:fs'
import net from 'node:net'
const [port, mode, connections] = process.argv.slice(2).map((word, n) => (n === 1 ? word : Number(word)))
const letters = '0123456789abcdfghijklmnpqrsvwxyz'
const name = () => Array.from({ length: 32 }, () => letters[Math.floor(Math.random() * 32)]).join('')
const count = { opened: 0, closed: 0, bytes: 0 }
const ask = (socket, number, path) => {
  let text = ''
  for (let n = 0; n < number; n++) text += 'GET ' + path() + ' HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
  socket.write(text)
}
const narinfo = () => '/' + name() + '.narinfo'
const modes = {
  narinfo: socket => ask(socket, 100, narinfo),
  polite: socket => ask(socket, 1, narinfo),
  half: socket => socket.write('GET /nix-cache-info HTTP/1.1\\r\\nHost: x\\r\\n'),
  noread: socket => ask(socket.pause(), 8, () => '/metrics'),
  headers: socket => socket.write('GET / HTTP/1.1\\r\\nX: ' + 'x'.repeat(60000)),
}
function open() {
  count.opened++
  const socket = net.connect(port, '127.0.0.1', () => modes[mode](socket))
  socket.on('error', () => {})
  socket.on('close', () => { count.closed++; setTimeout(open, 1) })
  socket.on('data', data => { count.bytes += data.length; if (mode === 'polite') modes.polite(socket) })
}
for (let n = 0; n < connections; n++) open()
setInterval(() => {
  if (!existsSync('/srv/over')) return
  console.log(JSON.stringify(count))
  process.exit(0)
}, 100)
`

/** Milliseconds for each of these derivations to be built by mallory. */
async function timesOf({ world }: GuardedWorld, drvs: readonly string[]): Promise<readonly number[]> {
  const times: number[] = []
  for (const drv of drvs) {
    const start = performance.now()
    const { status, stderr } = await world.run(['nix-store', '-r', drv], { user: 'mallory', timeout: 60_000 })
    assert.equal(status, 0, stderr)
    times.push(performance.now() - start)
  }
  return times
}

async function derivations(guarded: GuardedWorld, name: string): Promise<readonly string[]> {
  const made: string[] = []
  for (let n = 0; n < BUILDS; n++) {
    const { drv } = await guarded.instantiate(`${name}-${n}`, nix.derivation(`${name}-${n}`))
    made.push(drv)
  }
  await guarded.attest(...made)
  return made
}

const memory = (pid: number) =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** Seconds of processor time that a process has had. */
function processorTime(pid: number): number {
  const [, user = 0, system = 0] =
    /\) \S(?: \S+){10} (\d+) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.map(Number) ?? []
  return (user + system) / 100
}

interface Flood {
  readonly port: number
  readonly mode: string
  /** It goes on for so many seconds at least. */
  readonly seconds: number
}

/** Times builds while a plain user floods a port; what the flood tells of itself. */
function timesInFlood(guarded: GuardedWorld, { port, mode, seconds }: Flood, drvs: readonly string[]) {
  return timesWith(guarded, { command: `node /srv/flood.mjs ${port} ${mode} ${CONNECTIONS}`, seconds }, drvs)
}

/**
 * Times builds while a plain user runs a command, which ends once `/srv/over` is there; what it
 * tells of itself.
 */
async function timesWith(
  guarded: GuardedWorld,
  { command, seconds }: { readonly command: string; readonly seconds: number },
  drvs: readonly string[],
) {
  const { world } = guarded
  const flood = world.run(command, { user: 'alice', timeout: 90_000 })
  const enough = sleep(seconds * 1000)
  await sleep(2000)
  const times = await timesOf(guarded, drvs)
  await enough
  world.write('/srv/over', '')
  const { stdout } = await flood
  await world.output('rm /srv/over')
  return { time: median([...times]), told: stdout.trim() }
}

/** What a flood costs that meets nobody who answers: that of the client and the kernel alone. */
async function timesBeside(guarded: GuardedWorld, mode: string, drvs: readonly string[]): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  const silent = createServer({ pauseOnConnect: true }, socket => sockets.add(socket.on('error', () => {})))
  await once(silent.listen(0, '127.0.0.1', 4096), 'listening')
  const { port } = silent.address() as AddressInfo
  const { time } = await timesInFlood(guarded, { port, mode, seconds: 0 }, drvs)
  for (const socket of sockets) socket.destroy()
  silent.close()
  return time
}

/**
 * A client of nix-daemon that asks which of three thousand paths that nobody has could be fetched
 * (`QueryMissing`), and comes again: the daemon opens 25 connections for each such client.
 */
const ASKER = `
import net from 'node:net'
const [seconds, clients] = process.argv.slice(2).map(Number)
const letters = '0123456789abcdfghijklmnpqrsvwxyz'
const name = () => Array.from({ length: 32 }, () => letters[Math.floor(Math.random() * 32)]).join('')
const number = value => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes }
const text = value => Buffer.concat([number(value.length), Buffer.from(value), Buffer.alloc((8 - (value.length % 8)) % 8)])
const count = { opened: 0, closed: 0 }
function ask() {
  count.opened++
  const socket = net.connect('/nix/var/nix/daemon-socket/socket', () => {
    const paths = Array.from({ length: 3000 }, () => text('/nix/store/' + name() + '-x'))
    // The protocol of Nix 2.4 to 2.15 (1.32), which later ones speak as well.
    const hello = [0x6e697863, 0x120, 0, 0].map(number)
    socket.write(Buffer.concat([...hello, number(40), number(paths.length), ...paths]))
  })
  socket.on('error', () => {}).on('data', () => {})
  socket.on('close', () => { count.closed++; setTimeout(ask, 100) })
}
for (let n = 0; n < clients; n++) ask()
setTimeout(() => { console.log(JSON.stringify(count)); process.exit(0) }, seconds * 1000)
`

/**
 * Of one processor, by the process for HTTP, from the beginning of the flood to its end: what the
 * gate itself takes from builds.
 */
const SHARE = 0.5

const MODES = (process.env['FLOOD_MODES'] ?? 'narinfo,polite,half,noread,headers,daemon').split(',')

const CLIENTS = 30

// In one world, one after the other: what a flood leaves behind may not cost those after it either.
test('floods by a plain user', t =>
  withGuardedWorld('bookworm', async guarded => {
    guarded.world.write('/srv/flood.mjs', FLOOD, 0o644)
    guarded.world.write('/srv/asker.mjs', ASKER, 0o644)
    const first = await derivations(guarded, 'first')
    await sleep(2500)
    await timesOf(guarded, first)
    for (const mode of MODES.filter(each => each !== 'daemon')) {
      const name = `attack: ${CONNECTIONS} connections of a plain user (${mode}) make another user's build take at most twice as long`
      await t.test(name, () => weighFlood(guarded, mode))
    }
    if (!MODES.includes('daemon')) return
    const name = `attack: ${CLIENTS} clients of nix-daemon that ask for 3000 paths each make another user's build take at most four times as long`
    await t.test(name, () => weighAskers(guarded))
  }))

/** Floods the gate in one of the modes. */
async function weighFlood(guarded: GuardedWorld, mode: string): Promise<void> {
  const { gate } = guarded
  const [idly, besides, flooded] = [
    await derivations(guarded, `idle-${mode}`),
    await derivations(guarded, `beside-${mode}`),
    await derivations(guarded, `flooded-${mode}`),
  ]
  const idle = median([...(await timesOf(guarded, idly))])
  const beside = await timesBeside(guarded, mode, besides)
  const http = Number(readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'utf8').trim())
  const [start, before, logged] = [performance.now(), processorTime(http), gate.log().length]
  const { time: slow, told } = await timesInFlood(
    guarded,
    { port: gate.port, mode, seconds: SECONDS },
    flooded,
  )
  const share = (processorTime(http) - before) / ((performance.now() - start) / 1000)
  const figures = [
    `idle ${idle.toFixed(0)} ms, beside a flood of nobody ${beside.toFixed(0)} ms, in the flood ${slow.toFixed(0)} ms`,
    `(${(slow / idle).toFixed(1)} and ${(slow / beside).toFixed(1)} times), HTTP ${(100 * share).toFixed(0)} % of a processor`,
  ].join(' ')
  const bytes = gate.log().length - logged
  console.log(`${mode}: ${figures}`)
  console.log(`${mode}: ${told}; HTTP at most ${memory(http).toFixed(0)} MB, log ${bytes} bytes`)
  assert.ok(share < SHARE, figures)
  // What else this machine does must not fail it, so that a short time counts as half a second.
  assert.ok(slow < 2 * Math.max(idle, beside, 500), figures)
  assert.ok(memory(http) < 400)
  assert.ok(bytes < 1_000_000)
}

/** Floods nix-daemon, which asks the gate. */
async function weighAskers(guarded: GuardedWorld): Promise<void> {
  const { gate } = guarded
  const [idly, flooded] = [await derivations(guarded, 'idle'), await derivations(guarded, 'flooded')]
  const idle = median([...(await timesOf(guarded, idly))])
  const logged = gate.log().length
  const { time, told } = await timesWith(
    guarded,
    { command: `node /srv/asker.mjs ${SECONDS} ${CLIENTS}`, seconds: SECONDS },
    flooded,
  )
  const figures = `idle ${idle.toFixed(0)} ms, in the flood ${time.toFixed(0)} ms (${(time / idle).toFixed(1)} times), ${told}`
  console.log(`through the daemon: ${figures}`)
  assert.ok(gate.log().length - logged < 1_000_000)
  // The daemon's processes for those clients take their part of the processors, with or without
  // a gate, and what else this machine does must not fail it: a short time counts as a second.
  assert.ok(time < 4 * Math.max(idle, 1000), figures)
}
