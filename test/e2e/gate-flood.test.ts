// A plain user who floods the gate over HTTP: what that costs another user's build, counted.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../../bench/statistics.ts'
import * as nix from '../support/expressions.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'

const CONNECTIONS = 1000
const SECONDS = 12
/** Builds that are timed with nobody else there, beside a loop that takes as much time, and in the flood. */
const BUILDS = 4

/**
 * Opens connections, again as soon as one is closed, and does with each what its mode says: asks for paths that nobody has, a
 * hundred at once; begins a request and leaves it at that; asks and does not read; sends headers without end.
 */
const FLOOD = `
import net from 'node:net'
const [port, mode, seconds, connections] = process.argv.slice(2).map((word, n) => (n === 1 ? word : Number(word)))
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
setTimeout(() => { console.log(JSON.stringify(count)); process.exit(0) }, seconds * 1000)
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

/** `FLOOD_MODES=narinfo,polite,half,noread,headers` tries them all. */
const MODES = (process.env['FLOOD_MODES'] ?? 'narinfo,half,noread').split(',')

for (const mode of MODES) {
  test(`attack: ${CONNECTIONS} connections of a plain user (${mode}) hold up another user's build little`, () =>
    withGuardedWorld('bookworm', async guarded => {
      const { world, gate } = guarded
      world.write('/srv/flood.mjs', FLOOD, 0o644)
      const [first, idly, beside, flooded] = [
        await derivations(guarded, 'first'),
        await derivations(guarded, 'idle'),
        await derivations(guarded, 'beside'),
        await derivations(guarded, 'flooded'),
      ]
      await sleep(2500)
      await timesOf(guarded, first)
      const idle = median([...(await timesOf(guarded, idly))])
      const loop = world.run('timeout 8 sh -c "while :; do :; done"', { user: 'alice', timeout: 60_000 })
      await sleep(200)
      const busy = median([...(await timesOf(guarded, beside))])
      await loop
      const command = `node /srv/flood.mjs ${gate.port} ${mode} ${SECONDS} ${CONNECTIONS}`
      const flood = world.run(command, { user: 'alice', timeout: 90_000 })
      await sleep(2000)
      const times = await timesOf(guarded, flooded)
      const { stdout } = await flood
      const slow = median([...times])
      const http = Number(readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'utf8').trim())
      const figures = `idle ${idle.toFixed(0)} ms, beside a loop ${busy.toFixed(0)} ms, in the flood ${slow.toFixed(0)} ms`
      console.log(`${mode}: ${figures} (${(slow / idle).toFixed(1)} and ${(slow / busy).toFixed(1)} times)`)
      console.log(
        `${mode}: ${stdout.trim()}; HTTP at most ${memory(http).toFixed(0)} MB, log ${gate.log().length} bytes`,
      )
      // What else this machine does must not fail it: the gate's own tests say what limits there are.
      assert.ok(slow < 4 * Math.max(busy, 500), figures)
      assert.ok(memory(http) < 400)
      assert.ok(gate.log().length < 1_000_000)
    }))
}
