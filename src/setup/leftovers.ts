/** What `nixsig unsetup --purge` leaves on a machine, and why: it says so. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import { SECRETS } from './carry/secrets.ts'
import type { SetupPlaces } from './places.ts'
import { VERSIONS } from './versions.ts'

/** How many names of files are printed. */
const NAMED = 10

/** A sentence for each thing that stays. `directory`: that of the programs which are asked. */
export function leftovers({ policy }: Pick<SetupPlaces, 'policy'>, directory: string): readonly string[] {
  const own = dirname(policy)
  const kept = existsSync(own) ? readdirSync(own).filter(name => stays(own, name, policy)) : []
  const programs = [...new Set([directory, ...(existsSync(VERSIONS) ? [VERSIONS] : [])])]
  return [
    ...(kept.length === 0 ? [] : [`stays: ${printable(own)}, with what others put there: ${listed(kept)}`]),
    `stays: the programs (rm -r ${programs.map(name => printable(name)).join(' ')}, and the links in /usr/local to them; or apt-get purge nixsig)`,
    'stays: what came into the store while nixsig was enabled, and in the journal what it reported',
  ]
}

/**
 * Whether a file of the policy's directory is neither the policy, nor its secrets, nor an empty
 * directory that setup made.
 */
function stays(directory: string, name: string, policy: string): boolean {
  const file = join(directory, name)
  if (file === policy) return false
  if (name === dirname(SECRETS)) return readdirSync(file).some(inner => inner !== basename(SECRETS))
  return name !== 'attestations' || readdirSync(file).length > 0
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  return `${names
    .slice(0, NAMED)
    .map(name => printable(name))
    .join(', ')}${more}`
}
