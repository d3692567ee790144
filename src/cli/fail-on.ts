import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

/**
 * What values of `--fail-on` name, each perhaps several with commas. Throws UsageError for a name
 * that is not `known`.
 */
export function namedByFailOn<T extends string>(
  values: readonly string[],
  known: readonly T[],
): readonly T[] {
  return values
    .flatMap(text => text.split(','))
    .map(text => {
      const name = known.find(one => one === text.trim())
      if (name === undefined)
        throw new UsageError(`--fail-on takes ${known.join(', ')}, and not "${printable(text.trim(), 40)}"`)
      return name
    })
}
