/**
 * The gate under load, with the narinfos of 5,000 paths that two upstreams sign: its rate for
 * cached answers against a server that has the same bytes in memory; the time of a first answer
 * against that of the slower upstream alone; and its memory. Everything is measured in pairs in one
 * run, each program in a separate process.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cachedPath } from '../test/support/cache-of-many.ts'
import { type GateProcess, startGate } from '../test/support/gate-process.ts'
import { byDefault, policyText, type Signer, setPolicy, signer } from '../test/support/trust.ts'
import { withWorld } from '../test/support/world.ts'
import { type Load, type MemoryServer, serveFromMemory, startLoad } from './programs.ts'
import { median, spread } from './statistics.ts'

const PATHS = 5000
/** As many connections as Nix opens. */
const CONNECTIONS = 25
const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 15)
/** Milliseconds that the slower upstream takes for each answer. */
const DELAY = 20
/** Requests in each run that measures a rate. */
const RATED = 20_000
const REQUESTS = 100_000
const UNKNOWN = 10_000

/** The narinfos of an upstream with this key; each has three references. */
function narinfosBy(key: Signer): ReadonlyMap<string, string> {
  const named = (index: number) => cachedPath(`package-${index}-1.0`, `package ${index}\n`, [])
  const others = [named(0), named(1), named(2)].map(({ path }) => path)
  const all = Array.from({ length: PATHS }, (_, index) => {
    return cachedPath(`package-${index}-1.0`, `package ${index}\n`, [key], { references: others })
  })
  return new Map(all.map(({ digest, narinfo }) => [`/${digest}.narinfo`, narinfo]))
}

/**
 * Times first answers of a newly started gate, in turns: a few from the slower upstream alone, from
 * the gate, and again from that upstream.
 */
async function cold(
  load: Load,
  gate: GateProcess,
  slow: MemoryServer,
  paths: readonly string[],
  connections: number,
) {
  const port = gate.port
  const inEach = Math.max(20, 4 * connections)
  const [more, noise]: [number[], number[]] = [[], []]
  for (let start = 0; start < paths.length; start += inEach) {
    const run = { paths: paths.slice(start, start + inEach), connections }
    const alone = median(await load.times({ ...run, port: slow.port }))
    more.push(median(await load.times({ ...run, port })) - alone)
    noise.push(median(await load.times({ ...run, port: slow.port })) - alone)
  }
  const over = `${connections} connection${connections > 1 ? 's' : ''}`
  console.log(`gate, first answers over ${over}, more than the slower upstream: ${spread(more, ' ms')}`)
  console.log(`  that upstream against itself (what the noise makes): ${spread(noise, ' ms')}`)
}

/**
 * Compares the gate's rate for cached answers with that of a server that has exactly these bytes,
 * in turns.
 */
async function warm(load: Load, gate: GateProcess, paths: readonly string[]): Promise<void> {
  const bodies = new Map<string, string>()
  for (const path of paths) bodies.set(path, await (await fetch(`${gate.url}${path}`)).text())
  const [bare, other] = [await serveFromMemory(bodies), await serveFromMemory(bodies)]
  const ports = [gate.port, bare.port, other.port]
  const rates: number[][] = [[], [], []]
  for (let pair = -2; pair < PAIRS; pair++) {
    for (const [index, port] of ports.entries()) {
      const seconds = await load.seconds({ port, paths, connections: CONNECTIONS, count: RATED })
      if (pair >= 0) rates[index]?.push(RATED / seconds)
    }
  }
  bare.close()
  other.close()
  const [ofGate = [], ofBare = [], ofOther = []] = rates
  const ratios = (a: readonly number[]) => spread(a.map((rate, pair) => rate / (ofBare[pair] ?? Number.NaN)))
  const medians = `medians ${median(ofGate).toFixed(0)} and ${median(ofBare).toFixed(0)} requests/s`
  console.log(
    `gate, known answers over ${CONNECTIONS} connections / bare server: ${ratios(ofGate)}; ${medians}`,
  )
  console.log(`  bare server / bare server (what the noise makes): ${ratios(ofOther)}`)
}

/** The gate's memory after many requests for existing paths, and then for absent ones. */
async function memory(load: Load, gate: GateProcess, paths: readonly string[]): Promise<void> {
  const http = Number(readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'utf8').trim())
  const megabytes = (pid: number, name: string) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1])
    return ((kilobytes * 1024) / 1e6).toFixed(0)
  }
  const say = (after: string) => {
    const [now, most, judging] = [
      megabytes(http, 'VmRSS'),
      megabytes(http, 'VmHWM'),
      megabytes(gate.pid, 'VmRSS'),
    ]
    console.log(
      `gate, memory after ${after}: ${now} MB for HTTP, at most ${most} MB, and ${judging} MB for judging`,
    )
  }
  const run = { port: gate.port, connections: CONNECTIONS }
  await load.seconds({ ...run, paths, count: REQUESTS })
  say(`${REQUESTS} requests for ${paths.length} paths`)
  const unknown = Array.from({ length: UNKNOWN }, (_, index) => {
    return `/${cachedPath(`unknown-${index}`, '', []).digest}.narinfo`
  })
  await load.seconds({ ...run, paths: unknown, status: 404 })
  say(`${UNKNOWN} more for as many that nobody has`)
}

await withWorld('bookworm', {}, async world => {
  const [quickly, slowly] = [signer('quickly'), signer('slowly')]
  const narinfos = narinfosBy(quickly)
  const paths = [...narinfos.keys()]
  const quick = await serveFromMemory(narinfos)
  const slow = await serveFromMemory(narinfosBy(slowly), DELAY)
  const upstreams = [quick, slow].map(({ port }) => `"http://127.0.0.1:${port}"`).join(', ')
  const rest = `${byDefault('nothing', 'nothing', 'both')}accept-unknown-derivation = true
[groups.both]
members = ["quickly", "slowly"]
threshold = 2
[gate]
upstreams = [${upstreams}]
`
  await setPolicy(world, policyText({ quickly: [quickly], slowly: [slowly] }, rest))
  await world.startDaemon()
  // A policy that was just written is read again for every answer, because a further change could
  // go unnoticed.
  await sleep(3000)
  const gate = await startGate(world)
  const load = startLoad()
  const [alone, together] = [paths.slice(0, 300), paths.slice(300)]
  await cold(load, gate, slow, alone, 1)
  await cold(load, gate, slow, together, CONNECTIONS)
  await warm(load, gate, paths)
  await memory(load, gate, paths)
  load.close()
  quick.close()
  slow.close()
})
