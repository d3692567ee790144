import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/**
 * Directories that this program was built with (tools/build.mjs --programs): as a package, nixsig
 * has what it calls from store paths of its own. The bundler puts the value in.
 */
const OWN_DIRECTORIES = (process.env['NIXSIG_PROGRAMS'] ?? '').split(':').filter(name => name !== '')

/**
 * Where programs are looked for, whatever the caller's PATH is: directories that only root can
 * write to. They hold Nix and the tools of a Linux system on NixOS, on other systems, and where Nix
 * installed itself.
 */
export const PROGRAM_DIRECTORIES: readonly string[] = [
  ...OWN_DIRECTORIES,
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
