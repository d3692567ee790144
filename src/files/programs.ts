import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/**
 * Where programs are looked for, whatever the caller's PATH is: directories that only root can
 * write to. They hold Nix and the tools of a Linux system on NixOS, on other systems, and where Nix
 * installed itself.
 */
export const PROGRAM_DIRECTORIES: readonly string[] = [
  '/run/wrappers/bin',
  '/run/current-system/sw/bin',
  '/nix/var/nix/profiles/default/bin',
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/sbin',
  '/sbin',
]

/** The absolute path of a program; undefined if it is in none of these directories. */
export function findProgram(name: string): string | undefined {
  return PROGRAM_DIRECTORIES.map(directory => join(directory, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
