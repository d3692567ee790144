/** nix.conf, as far as setup has to understand it: which line sets what, and which file is included where. */
import { dirname, resolve } from 'node:path'
import { parseConf } from '../nix-config/conf-text.ts'
import { assignment } from '../nix-config/settings.ts'
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

/**
 * The lines of a file in their order; `file` is its absolute name, which messages tell and relative includes begin at.
 * Throws FormatError for a line that stops Nix.
 */
export function parseNixConf(text: string, file: string): readonly (Setting | Include)[] {
  return parseConf(text).map(line => {
    if (line.kind === 'include') return { ...line, file: resolve(dirname(file), line.file) }
    if (line.kind === 'setting') {
      const { name, value, isAddition } = assignment(line.name, line.value, file)
      const words = value === '' ? [] : value.split(' ')
      return { kind: 'setting', name, isExtra: isAddition, words, file, line: line.line }
    }
    throw new FormatError(printable(file), 'Nix cannot read this line: put it right', `line ${line.line}`)
  })
}

/** What Nix begins with, which lines may add to. */
export const NO_FEATURES: Setting = {
  kind: 'setting',
  name: 'experimental-features',
  isExtra: false,
  words: [],
  file: '',
  line: 0,
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
