/**
 * Runs programs that change the store's directory, in a mount namespace of their own where it is
 * mounted read-only.
 */

import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'

/** Milliseconds: ten minutes, because copying the largest outputs to another disk takes long. */
export const LONGEST = 600_000

/**
 * Runs a program, and once more with the store writable if it fails. Throws FileError if it fails
 * again.
 */
export async function inWritableStore(program: string, args: readonly string[]): Promise<void> {
  const first = await runProgram(program, args, LONGEST)
  if (first.status === 0) return
  const remount = 'mount -o remount,bind,rw "$0" && exec "$@"'
  await succeed('unshare', ['--mount', '--', '/bin/sh', '-c', remount, STORE_DIR, program, ...args], LONGEST)
}

/** Runs a program for at most `timeout` milliseconds. Throws FileError unless it succeeds. */
export async function succeed(program: string, args: readonly string[], timeout: number): Promise<void> {
  const { status, stderr } = await runProgram(program, args, timeout)
  if (status === 0) return
  const said = stderr.trim().split('\n').at(-1) ?? ''
  const how = status === null ? 'was ended' : 'failed'
  throw new FileError(`${program} ${how}${said === '' ? '' : `: ${printable(said, 500)}`}`)
}
