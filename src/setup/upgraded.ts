/** What setup says where another version of nixsig set the machine up. Pure. */
import { printable } from '../primitives/printable.ts'
import { textOf } from './file-state.ts'
import type { Found } from './found.ts'
import type { Front } from './installation.ts'

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
