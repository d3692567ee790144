import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { killUnder } from './command.ts'
import { eventually } from './eventually.ts'

export interface Daemon {
  /** Its output so far; what hooks write to standard error is included. */
  log(): string
  /** Ends it and every connection that it serves. */
  stop(): Promise<void>
}

const SOCKET = '/nix/var/nix/daemon-socket/socket'

/**
 * Starts this nix-daemon and waits until its socket, under this root, accepts connections, for at
 * most ten seconds.
 */
export async function startDaemon(
  argv: readonly [string, ...string[]],
  root: string,
  env: Readonly<Record<string, string>>,
): Promise<Daemon> {
  const [program, ...args] = argv
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      log += text
    })
  }
  const ended = new Promise<void>(resolve => child.on('exit', () => resolve()))
  await eventually(
    () => `nix-daemon starts: ${log}`,
    async () => {
      if (child.exitCode !== null) throw new Error(`nix-daemon did not start: ${log}`)
      return await answers(`${root}${SOCKET}`)
    },
  )
  return {
    log: () => log,
    async stop() {
      if (child.pid !== undefined) killUnder(child.pid)
      await ended
    },
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise(resolve => {
    const connection = connect(socket)
    connection.on('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', () => resolve(false))
  })
}
