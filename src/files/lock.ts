import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { findProgram } from './programs.ts'
import { FileError } from './regular-file.ts'

const WAIT_SECONDS = 300

/**
 * Does something while no other process does the like under the same lock: a file, which is made, or a directory. The
 * lock is the kernel's (flock): it is held by a child whose standard input we keep open, and ends when we do, however we
 * do. Throws FileError if it cannot be had within five minutes.
 */
export async function withLock<T>(file: string, action: () => Promise<T>): Promise<T> {
  const flock = findProgram('flock')
  const cat = findProgram('cat')
  if (flock === undefined || cat === undefined)
    throw new FileError('there is no program flock on this system')
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const args = ['--exclusive', '--timeout', String(WAIT_SECONDS), file, cat]
  const holder = spawn(flock, args, { env: {}, stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<void>(resolve => holder.once('close', () => resolve()))
  try {
    const held = await new Promise<boolean>((resolve, reject) => {
      holder.once('error', reject)
      holder.once('close', () => resolve(false))
      // What cat echoes tells that it was started, and so that the lock is held.
      holder.stdout.once('data', () => resolve(true))
      holder.stdin.on('error', () => resolve(false))
      holder.stdin.write('\n')
    })
    if (!held) throw new FileError(`the lock ${file} is held by another process`)
    return await action()
  } finally {
    holder.stdin.end()
    await ended
  }
}
