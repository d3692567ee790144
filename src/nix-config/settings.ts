/** Values of Nix settings: names, lists and booleans. Pure. */

/** Settings by their current names, with values as nix.conf writes them. */
export type Settings = ReadonlyMap<string, string>

/**
 * One assignment to a setting, by its current name; `isAddition` for `extra-…`, which adds to a
 * list.
 */
export interface Assignment {
  readonly name: string
  readonly value: string
  readonly isAddition: boolean
  /** Where it is: a file and line, or the name of a variable. Raw. */
  readonly origin: string
}

/** Former names of settings, which every Nix still accepts. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'binary-cache-public-keys': 'trusted-public-keys',
  'binary-caches': 'substituters',
  'build-fallback': 'fallback',
  'build-use-chroot': 'sandbox',
  'build-use-sandbox': 'sandbox',
  'build-use-substitutes': 'substitute',
  'trusted-binary-caches': 'trusted-substituters',
}

const ADDITION = 'extra-'

/** An assignment as Nix understands it, by whichever name it was written. */
export function assignment(name: string, value: string, origin: string): Assignment {
  const isAddition = name.startsWith(ADDITION)
  const plain = isAddition ? name.slice(ADDITION.length) : name
  return { name: OLD_NAMES[plain] ?? plain, value, isAddition, origin }
}

/** The items of a list setting; empty if the setting is unknown. */
export function itemsOf(settings: Settings, name: string): readonly string[] {
  return words(settings.get(name) ?? '')
}

/**
 * The value of a boolean setting; undefined if it is not a boolean (`relaxed`) or this Nix does not
 * have the setting.
 */
export function truthOf(settings: Settings, name: string): boolean | undefined {
  return truth(settings.get(name) ?? '')
}

/**
 * The names among these settings that Nix gives another value than the configuration does;
 * assignments in order of precedence. Settings without an assignment are skipped. Where a list is
 * only added to, its default may be anything.
 */
export function disagreements(
  asked: Settings,
  said: readonly Assignment[],
  names: readonly string[],
): readonly string[] {
  return names.filter(name => {
    const about = said.filter(one => one.name === name)
    const value = asked.get(name)
    if (about.length === 0) return false
    return value === undefined || !isMadeOf(value, about)
  })
}

function isMadeOf(value: string, about: readonly Assignment[]): boolean {
  const start = about.findLastIndex(one => !one.isAddition)
  const counting = about.slice(Math.max(start, 0))
  const [only, ...more] = counting
  const isTrue = truth(value)
  if (isTrue !== undefined && only !== undefined && more.length === 0) return truth(only.value) === isTrue
  const expected = new Set(counting.flatMap(one => words(one.value)))
  const found = new Set(words(value))
  return [...expected].every(word => found.has(word)) && (start < 0 || found.size === expected.size)
}

function words(value: string): readonly string[] {
  return value.split(/\s+/).filter(word => word !== '')
}

function truth(value: string): boolean | undefined {
  if (value === 'true' || value === 'yes' || value === '1') return true
  return value === 'false' || value === 'no' || value === '0' ? false : undefined
}
