/** What settings of Nix are worth: names, lists and truth. Pure. */

/** Settings by their present names, values as nix.conf would say them. */
export type Settings = ReadonlyMap<string, string>

/** Something said of a setting, by its present name; `isAddition` for `extra-…`, which adds to a list. */
export interface Assignment {
  readonly name: string
  readonly value: string
  readonly isAddition: boolean
  /** Where: a file and line, or the name of a variable. Raw. */
  readonly origin: string
}

/** Names that settings had once and that every Nix still takes. */
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

/** An assignment as Nix takes it, whatever name it was written under. */
export function assignment(name: string, value: string, origin: string): Assignment {
  const isAddition = name.startsWith(ADDITION)
  const plain = isAddition ? name.slice(ADDITION.length) : name
  return { name: OLD_NAMES[plain] ?? plain, value, isAddition, origin }
}

/** The items of a setting that is a list; none if it is not known. */
export function itemsOf(settings: Settings, name: string): readonly string[] {
  return words(settings.get(name) ?? '')
}

/** What a boolean is; undefined for what is none (`relaxed`) and for what this Nix does not know. */
export function truthOf(settings: Settings, name: string): boolean | undefined {
  return truth(settings.get(name) ?? '')
}

/**
 * Of these settings, those that Nix takes for something else than the configuration says: assignments in the order in
 * which they count. What nothing was said of is not looked at; where a list is only added to, its default may be
 * anything.
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
