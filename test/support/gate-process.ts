/** A gate as a process of a world, to be ended and started again in any way. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import type { World } from './world.ts'

export const GATE_STATE = '/var/lib/nixsig'

export interface GateProcess {
  /** Without a slash at its end. */
  readonly url: string
  readonly port: number
  /** As the test's own machine numbers it. */
  readonly pid: number
  /** All that it has said so far. */
  log(): string
  /** Sends a signal; the exit status once it has ended, 128 and the number of a signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number>
}

/**
 * Starts `nixsig serve` as root, as the world's policy has it or with further arguments, and waits until it is ready: ten
 * seconds at most.
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
    setTimeout(fail, 10_000).unref()
    child.on('close', fail)
    child.stderr.setEncoding('utf8').on('data', text => {
      log += text
      const ready = /^\{.*"event":"ready".*\}$/m.exec(log)?.[0]
      if (ready !== undefined) resolve((JSON.parse(ready) as { readonly url: string }).url)
    })
  })
  // nsenter itself is this process's child, and the gate its only one.
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

/** A port of this machine's loopback that nobody listens at. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Makes a gate the one place where this world's Nix gets what it does not have, trusted by the gate's key alone. */
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
