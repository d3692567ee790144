/** Runs a program of Nix to its end, within a time limit. */
import { spawn } from 'node:child_process'

const OUTPUT_LIMIT = 4 * 1024 * 1024

/** A call of a Nix program. */
export interface NixCall {
  /** Absolute path of the program. */
  readonly program: string
  /** The program's argv[0], by which Nix tells which command to run. */
  readonly name: string
  readonly args: readonly string[]
  /** Variables besides PATH; nothing is inherited. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly input?: Uint8Array
  /** Milliseconds. */
  readonly timeout: number
}

/** How a call ended; `isLate` if the time limit ended it. */
export interface NixOutcome {
  /** Null: ended by a signal or the time limit. */
  readonly status: number | null
  readonly isLate: boolean
  readonly stdout: string
  readonly stderr: string
}

const PATH = '/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/bin:/bin:/usr/sbin:/sbin'

/**
 * Runs a program of Nix. When its time is over, it is killed with all processes that it started.
 * Rejects if it cannot be started.
 */
export function runNix({ program, name, args, environment, input, timeout }: NixCall): Promise<NixOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      argv0: name,
      cwd: '/',
      // A process group of its own, so that nothing outlives the limit.
      detached: true,
      env: { PATH, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      if (child.pid !== undefined) killGroup(child.pid)
      child.stdout.destroy()
      child.stderr.destroy()
    }, timeout)
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    // The program may close its input unread.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', status => {
      clearTimeout(timer)
      resolve({ status, isLate, stdout: stdout(), stderr: stderr() })
    })
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= OUTPUT_LIMIT) chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
