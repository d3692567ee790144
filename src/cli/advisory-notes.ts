import { advisoriesOn, namesOf } from '../formats/nix/advisories.ts'
import { versionOfNix } from '../formats/nix/nix-version.ts'

/**
 * What setup says of published faults of the Nix on this machine, a sentence each without an end. `line`: what
 * `nix --version` prints, or undefined where it could not be asked.
 */
export function advisoryNotes(line: string | undefined): readonly string[] {
  const version = line === undefined ? undefined : versionOfNix(line)
  if (version === undefined) return []
  const notes = advisoriesOn(version).map(advisory => {
    const [name = advisory.id] = namesOf(advisory)
    return `${name}: ${advisory.what} (${MEANS[advisory.nixsig]}: ${advisory.how})`
  })
  if (notes.length === 0) return []
  const number = version.join('.')
  return [
    `by its number this Nix (${number}) has published faults; your distribution may have mended them: nixsig doctor`,
    ...notes,
  ]
}

const MEANS = {
  blunts: 'nixsig blunts it',
  narrows: 'nixsig leaves less of it',
  cannot: 'nixsig cannot help',
} as const
