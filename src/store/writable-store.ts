import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'

/** Ten minutes: copying the largest outputs takes long. */
const TIME_LIMIT = 600_000

/**
 * Runs a program in a mount namespace of its own, in which the store is writable though it is mounted read-only
 * elsewhere, as on NixOS. Throws FileError unless it ends with 0.
 */
export async function inWritableStore(program: string, ...args: readonly string[]): Promise<void> {
  const remount = 'mount -o remount,bind,rw "$0" && exec "$@"'
  const words = ['--mount', '--', '/bin/sh', '-c', remount, STORE_DIR, program, ...args]
  const { status, stderr } = await runProgram('unshare', words, TIME_LIMIT)
  if (status !== 0) throw new FileError(`${program} ${args.join(' ')} failed: ${printable(stderr.trim())}`)
}
