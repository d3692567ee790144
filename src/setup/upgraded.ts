/** What setup says where another version of nixsig set the machine up. Pure. */
import { printable } from '../primitives/printable.ts'
import { textOf } from './file-state.ts'
import type { Found } from './found.ts'
import type { Front } from './installation.ts'
import { compareVersions } from './version-order.ts'
import { lastingPath } from './versions.ts'

/** A note if another version set this machine up. */
export function versionNotes({ record, installation }: Found): readonly string[] {
  if (record === undefined) return []
  const { directory, version } = installation
  const isSame = record.program === version && (version !== undefined || record.directory === directory)
  if (isSame) return []
  const before = `${record.program ?? 'an earlier version'} in ${printable(record.directory)}`
  return [`this machine was set up by nixsig ${before}; this is ${version ?? 'one'} in ${directory}`]
}

/**
 * An obstacle if a version older than the one that set this machine up is called, and nobody asked
 * for that. Whoever has `current` lead to it was asked already, by `nixsig upgrade`.
 */
export function olderThanInForce({
  record,
  installation: { directory, version },
}: Pick<Found, 'record' | 'installation'>): readonly string[] {
  if (record?.program === undefined || version === undefined) return []
  if (compareVersions(version, record.program) >= 0 || lastingPath(directory) !== directory) return []
  return [
    `this is nixsig ${version} in ${directory}, and is older than ${record.program} in ${printable(record.directory)}, which set this machine up: call that one, or set up the older one on purpose: ${directory}/nixsig setup --older`,
  ]
}

/**
 * An obstacle if the plugin in force would go because this nixsig was built without one, and nobody
 * asked for that.
 */
export function lostPlugin(
  found: Pick<Found, 'included' | 'installation'>,
  without: readonly Front[],
): readonly string[] {
  if (found.installation.plugin !== undefined || without.includes('plugin')) return []
  if (!/^plugin-files = .*\/nixsig-(?:plugin|door)\.so$/m.test(textOf(found.included))) return []
  return [
    `the store plugin is in force, and ${found.installation.directory} has none, because it was built without a C compiler: build it where there is one (cc and make), or take the plugin out on purpose: --without plugin`,
  ]
}
