import { join } from 'node:path'
import { readRegularFile } from '../../files/regular-file.ts'
import { inputsOf } from '../../formats/locks/flake-inputs.ts'
import { parseFlakeLock } from '../../formats/locks/flake-lock.ts'
import type { LockedInput } from '../../formats/locks/locked-input.ts'
import { parseNiv } from '../../formats/locks/niv.ts'
import { parseNpins } from '../../formats/locks/npins.ts'

const SIZE_LIMIT = 32 * 1024 * 1024

/** The locks that are looked for in a directory, and what reads them. */
export const LOCKS: Readonly<Record<string, (bytes: Uint8Array) => readonly LockedInput[]>> = {
  'flake.lock': bytes => inputsOf(parseFlakeLock(bytes)),
  'npins/sources.json': parseNpins,
  'nix/sources.json': parseNiv,
}

/** The bytes of a lock in a directory; undefined if it is absent. Throws FileError. */
export function readLock(directory: string, file: string): Uint8Array | undefined {
  return readRegularFile(join(directory, file), SIZE_LIMIT)
}
