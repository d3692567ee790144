/**
 * nix.conf, as far as setup has to understand it: which line sets what, and which file is included where. Nix manual,
 * "nix.conf"; where the manual is silent, what Nix 2.8 and 2.34 do.
 */
import { dirname, resolve } from 'node:path'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

/** A line that sets something. */
export interface Setting {
  readonly kind: 'setting'
  /** Today's name, without `extra-`. */
  readonly name: string
  /** Adds to what was set before in place of replacing it. */
  readonly isExtra: boolean
  /** The value, cut at white space. */
  readonly words: readonly string[]
  readonly file: string
  readonly line: number
}

export interface Include {
  readonly kind: 'include'
  /** Absolute. */
  readonly file: string
  readonly mayBeMissing: boolean
  readonly line: number
}

/** Names that Nix knew settings by, and in part still does. */
const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ['binary-caches', 'substituters'],
  ['trusted-binary-caches', 'trusted-substituters'],
  ['binary-cache-public-keys', 'trusted-public-keys'],
  ['build-use-sandbox', 'sandbox'],
  ['build-use-chroot', 'sandbox'],
  ['build-fallback', 'fallback'],
])

/**
 * The lines of a file in their order; `file` is its absolute name, which messages tell and relative includes begin at.
 * Throws FormatError for a line that stops Nix.
 */
export function parseNixConf(text: string, file: string): readonly (Setting | Include)[] {
  return text.split('\n').flatMap((written, index): readonly (Setting | Include)[] => {
    const line = index + 1
    const [first, second, ...rest] = wordsOf(written.replace(/#.*/s, ''))
    if (first === undefined) return []
    if ((first === 'include' || first === '!include') && second !== undefined && rest.length === 0) {
      const mayBeMissing = first === '!include'
      return [{ kind: 'include', file: resolve(dirname(file), second), mayBeMissing, line }]
    }
    if (second !== '=') {
      throw new FormatError(printable(file), 'Nix cannot read this line: put it right', `line ${line}`)
    }
    const isExtra = first.startsWith('extra-')
    const writtenName = isExtra ? first.slice('extra-'.length) : first
    const name = FORMER_NAMES.get(writtenName) ?? writtenName
    return [{ kind: 'setting', name, isExtra, words: rest, file, line }]
  })
}

/** What lines in this order make of a setting; undefined if none replaces what Nix begins with. */
export function settingValue(settings: readonly Setting[], name: string): readonly string[] | undefined {
  const lines = settings.filter(setting => setting.name === name)
  const last = lines.findLastIndex(({ isExtra }) => !isExtra)
  return last < 0 ? undefined : lines.slice(last).flatMap(({ words }) => words)
}

/** What lines in this order add to a setting, whatever they make of it. */
export function wordsFor(settings: readonly Setting[], name: string): readonly string[] {
  return settings.filter(setting => setting.name === name).flatMap(({ words }) => words)
}

/** White space as Nix knows it: a carriage return is some. */
function wordsOf(text: string): readonly string[] {
  return text.split(/[ \t\r\n]+/).filter(word => word !== '')
}
