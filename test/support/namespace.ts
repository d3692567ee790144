import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { debianRoot, testCache } from '../../tools/debian-roots.mjs'

/**
 * A Debian release, which determines the Nix version: this machine's own, the oldest that nixsig
 * supports; 2.26; or the newest.
 */
export type Version = 'bookworm' | 'trixie' | 'sid'

export interface Namespace {
  /** The process id of its first process, outside the namespace. */
  readonly pid: number
  /** Ends every process in it; nothing is left of it. */
  close(): Promise<void>
}

const SCRIPT = join(PROJECT_ROOT, 'test/support/world.sh')
const BOOTED = join(PROJECT_ROOT, 'test/support/booted.sh')

/** The first process of a namespace: one that only waits, or systemd as on a booted machine. */
export type Init = 'none' | 'systemd'

/**
 * A private copy-on-write root in memory with its own mount and process namespaces (see world.sh):
 * over this machine's root for `bookworm`, over that Debian's root for the others. It also
 * disappears if this process dies in any way.
 */
export async function openNamespace(version: Version, init: Init = 'none'): Promise<Namespace> {
  const stage = join(testCache(), 'stage')
  mkdirSync(stage, { recursive: true })
  const root = version === 'bookworm' ? ['/', stage, process.execPath] : [debianRoot(version), stage, '']
  const world = [SCRIPT, ...root, PROJECT_ROOT]
  const unshare =
    init === 'none'
      ? ['--mount', '--pid', '--fork', '--kill-child', 'sh', ...world]
      : ['--mount', 'sh', BOOTED, stage, ...world, 'systemd']
  const holder = spawn('unshare', unshare, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const ended = new Promise<void>(resolve => holder.on('close', () => resolve()))
  const pid = await firstLine(holder)
  return {
    pid,
    async close() {
      holder.stdin?.destroy()
      await ended
    },
  }
}

/**
 * The process id that the script prints once the root is complete. Throws with its output if it
 * fails.
 */
function firstLine(holder: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    holder.stdout?.on('data', chunk => {
      stdout += chunk
      if (stdout.endsWith('\n')) resolve(Number(stdout))
    })
    holder.stderr?.on('data', chunk => {
      stderr += chunk
    })
    holder.on('error', reject)
    holder.on('close', () => reject(new Error(`no world could be made: ${stderr.trim()}`)))
  })
}
