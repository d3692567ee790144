/** A gate as a process of a world, which a test can stop and restart. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import type { World } from './world.ts'

export const GATE_STATE = '/var/lib/nixsig'

export interface GateProcess {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
  /** The process id outside the world. */
  readonly pid: number
  /** Its output so far. */
  log(): string
  /**
   * Sends a signal; resolves with the exit status: 128 plus the signal's number if a signal ended
   * it.
   */
  end(signal: NodeJS.Signals): Promise<number>
}

/**
 * Starts `nixsig serve` as root, with the world's policy and perhaps further arguments, and waits
 * until it is ready, for at most a minute.
 */
export async function startGate(world: World, more: readonly string[] = []): Promise<GateProcess> {
  const [program, ...args] = world.enter(['/opt/nixsig/nixsig', 'serve', '--log-format', 'json', ...more])
  const env = { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', USER: 'root' }
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const ended = new Promise<number>(resolve => {
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
  const url = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`the gate did not start: ${log}`))
    setTimeout(fail, 60_000).unref()
    child.on('close', fail)
    child.stderr.setEncoding('utf8').on('data', text => {
      log += text
      const ready = /^\{.*"event":"ready".*\}$/m.exec(log)?.[0]
      if (ready !== undefined) resolve((JSON.parse(ready) as { readonly url: string }).url)
    })
  })
  // This process's child is nsenter, whose only child is the gate.
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
  return {
    url,
    port: Number(new URL(url).port),
    pid,
    log: () => log,
    end(signal) {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal)
      return ended
    },
  }
}

/** A free port on this machine's loopback. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Makes a gate the only substituter of this world's Nix, and its key the only trusted one. */
export function useGate(world: World, url: string, publicKey: string): void {
  const lines = {
    substituters: url,
    'trusted-public-keys': publicKey,
    'narinfo-cache-positive-ttl': '0',
    'narinfo-cache-negative-ttl': '0',
  }
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`)
  world.write('/etc/nix/nix.conf', world.read('/etc/nix/nix.conf') + text.join(''))
}
