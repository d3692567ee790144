/** Adds exemptions to the machine's policy. Heavy: loaded only by `import()`. */
import type { GateReload } from './announce-policy.ts'
import { changePolicy } from './change-policy.ts'
import type { SetupPlaces } from './places.ts'

/**
 * Appends entries to the policy's file, and makes everything use it. `toml`: whole `[[exemptions]]`
 * entries, as many as `count`, each after an empty line. Undefined: there were none. Throws as
 * `changePolicy` does.
 */
export function addExemptions(
  places: SetupPlaces,
  toml: string,
  count: number,
): Promise<GateReload | undefined> {
  return changePolicy(places, {
    text: ({ toml: text }) => `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${toml}`,
    problem: (was, is) =>
      is.exemptions.length === was.exemptions.length + count
        ? undefined
        : 'it would not have the exemptions that were added',
  })
}
