/** The other processes of a benchmark: servers and clients. They end with this one. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-bench-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

/** Sends lines to a program of bench/, which answers each with a line. */
function converseWith(program: string, ...args: readonly string[]) {
  const file = join(PROJECT_ROOT, 'bench', program)
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    async line(): Promise<string> {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`${program} ended`)
      return value
    },
  }
}

export interface MemoryServer {
  readonly port: number
  close(): void
}

let serial = 0

/**
 * Starts a server of these bodies, by request path, that waits `delay` milliseconds before each
 * answer.
 */
export async function serveFromMemory(bodies: ReadonlyMap<string, string>, delay = 0): Promise<MemoryServer> {
  const file = join(dir, `${serial++}.json`)
  writeFileSync(file, JSON.stringify(Object.fromEntries(bodies)))
  const { child, line } = converseWith('memory-server.mjs', file, String(delay))
  return { port: Number(await line()), close: () => child.stdin.end() }
}

export interface Run {
  readonly port: number
  /** Request paths, in order. */
  readonly paths: readonly string[]
  readonly connections: number
  /** Number of requests, if it differs from the number of paths; the paths are repeated. */
  readonly count?: number
  /** The expected status of all answers; by default 200. */
  readonly status?: number
}

export interface Load {
  /** The seconds that a run took. */
  seconds(run: Run): Promise<number>
  /** The milliseconds that each answer took. */
  times(run: Run): Promise<readonly number[]>
  close(): void
}

/** Starts the client process. */
export function startLoad(): Load {
  const { child, line } = converseWith('load.mjs')
  const result = async (run: Run & { readonly each: boolean }) => {
    child.stdin.write(`${JSON.stringify(run)}\n`)
    return JSON.parse(await line()) as { readonly seconds: number; readonly times?: readonly number[] }
  }
  return {
    seconds: async run => (await result({ ...run, each: false })).seconds,
    times: async run => (await result({ ...run, each: true })).times ?? [],
    close: () => child.stdin.end(),
  }
}
