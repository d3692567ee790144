import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

export interface Outcome {
  /** The exit status; 128 plus the signal's number if a signal ended it, as in a shell. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** Milliseconds. */
  readonly timeout: number
}

/** Runs a program to its end. Throws, with its output so far, if it takes longer than `timeout`. */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<Outcome> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { env: options.env, detached: true })
  let late = false
  const timer = setTimeout(() => {
    late = true
    if (child.pid !== undefined) killUnder(child.pid)
    child.stdout.destroy()
    child.stderr.destroy()
  }, options.timeout)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // a program need not read what it is given
  child.stdin.end(options.input)
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
    })
    if (late) throw new Error(`took longer than ${options.timeout} ms: ${argv.join(' ')}\n${stdout}${stderr}`)
    return { status, stdout, stderr }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Kills all descendants of a process, but not the process itself. It is nsenter, which then exits
 * by itself: if it were killed first, this machine's init would have to reap the rest, and the
 * world would stay until then.
 */
export function killUnder(pid: number): void {
  for (const descendant of descendants(pid)) {
    try {
      process.kill(descendant, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
}

function descendants(pid: number): readonly number[] {
  const children = childrenOf(pid)
  return [...children, ...children.flatMap(descendants)]
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
