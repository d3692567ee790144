/**
 * The versions of nixsig that are installed side by side, each in a directory of its own that never
 * changes:
 *
 *     /opt/nixsig-versions/0.1.0-<12 hex digits>/   one version; the digits are of a hash of its files
 *     /opt/nixsig-versions/current                  -> the version in force; switched by one rename
 *     /opt/nixsig-versions/previous                 -> the one before it
 */
import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readOwnedFile } from '../files/owned-file.ts'

export const VERSIONS = '/opt/nixsig-versions'
export const CURRENT = 'current'
export const PREVIOUS = 'previous'

const PACKAGE_LIMIT = 64 * 1024
const VERSION = /^[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?$/

/** Whether a name is one that a version's directory has. */
export function isVersionName(name: string): boolean {
  return /^[0-9][0-9A-Za-z.+-]*-[0-9a-f]{12}$/.test(name)
}

/**
 * The path by which to name programs that lie in a directory: through `current` if they are the
 * version in force, so that an upgrade changes nothing that names them.
 */
export function lastingPath(directory: string): string {
  const home = dirname(directory)
  const current = join(home, CURRENT)
  try {
    if (isVersionName(basename(directory)) && realpathSync.native(current) === directory) return current
  } catch {
    // There is no version in force.
  }
  return directory
}

/**
 * The version of the programs in a directory, such as `0.1.0`; undefined if it does not say, as
 * builds before 0.2 do not.
 */
export function versionIn(directory: string): string | undefined {
  try {
    const text = readOwnedFile(join(directory, 'package.json'), PACKAGE_LIMIT)?.toString('utf8') ?? ''
    const { version } = JSON.parse(text) as { readonly version?: unknown }
    return typeof version === 'string' && VERSION.test(version) ? version : undefined
  } catch {
    return undefined
  }
}
