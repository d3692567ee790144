/** The `nixsig serve` process of a world, as far as it answers hooks. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after } from 'node:test'
import { killUnder } from './command.ts'
import { eventually } from './eventually.ts'
import type { World } from './world.ts'

/**
 * Whether this is the second run of the end-to-end tests, in which the hooks of every world find a
 * resident process.
 */
export const HAS_RESIDENT: boolean = process.env['NIXSIG_TEST_RESIDENT'] === '1'

export interface Resident {
  /** The gate's address: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Its output so far. */
  log(): string
  /** The number of hooks' questions that it has answered. */
  questions(): number
  isRunning(): boolean
  /** Its number as it is seen from outside of the world. */
  pid(): number
  signal(name: NodeJS.Signals): void
  /** Its exit status once it has ended; null if a signal ended it. */
  readonly ended: Promise<number | null>
  /** Kills it with everything that it has started. */
  kill(): Promise<void>
}

/** The command that starts it. */
export const RESIDENT_COMMAND = [
  '/opt/nixsig/nixsig',
  'serve',
  '--listen',
  '127.0.0.1:0',
  '--log-format',
  'json',
]
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' }

/**
 * Starts it as root and waits until it is ready, for at most ten seconds. `command` starts it in
 * another way.
 */
export async function startResident(
  world: Pick<World, 'enter'>,
  command: readonly string[] = RESIDENT_COMMAND,
): Promise<Resident> {
  const [program, ...args] = world.enter(command)
  const child = spawn(program, args, {
    env: ENVIRONMENT,
    detached: true,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const isRunning = () => child.exitCode === null && child.signalCode === null
  await eventually(
    () => `nixsig serve starts: ${log}`,
    () => urlIn(log) !== undefined || !isRunning(),
  )
  if (urlIn(log) === undefined) throw new Error(`nixsig serve did not start: ${log}`)
  return {
    url: urlIn(log) ?? '',
    log: () => log,
    questions: () => log.match(/"event":"(?:answered|refused) a hook"/g)?.length ?? 0,
    isRunning,
    pid: () => inWorld(child),
    signal: name => process.kill(inWorld(child), name),
    ended,
    async kill() {
      if (child.pid !== undefined && isRunning()) {
        killUnder(child.pid)
        // nsenter stops itself when its child is stopped.
        process.kill(child.pid, 'SIGCONT')
      }
      await ended
    },
  }
}

function urlIn(log: string): string | undefined {
  return /"event":"ready".*"url":"([^"]*)"/.exec(log)?.[1]
}

/** The process in the world that nsenter started. */
function inWorld({ pid = 0 }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
}

let answered = 0

/**
 * Runs `use` in a world whose hooks find a resident process, and checks that this process judged.
 */
export async function withResident<T>(
  world: Pick<World, 'enter'>,
  mayEnd: boolean,
  use: () => Promise<T>,
): Promise<T> {
  const resident = await startResident(world)
  try {
    const result = await use()
    assert.ok(mayEnd || resident.isRunning(), `the resident process ended:\n${resident.log()}`)
    return result
  } finally {
    answered += resident.questions()
    await resident.kill()
  }
}

// A second run in which no hook asks anything would show nothing.
if (HAS_RESIDENT) after(() => assert.ok(answered > 0, 'no hook has asked the resident process anything'))
