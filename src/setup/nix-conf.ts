/**
 * As much of nix.conf as setup has to understand: which line sets which setting, and which files
 * are included.
 */
import { dirname, resolve } from 'node:path'
import { parseConf } from '../nix-config/conf-text.ts'
import { assignment } from '../nix-config/settings.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

/** A line that assigns a setting. */
export interface Setting {
  readonly kind: 'setting'
  /** The current name, without `extra-`. */
  readonly name: string
  /** Adds to the earlier value instead of replacing it. */
  readonly isExtra: boolean
  /** The value, split at white space. */
  readonly words: readonly string[]
  readonly file: string
  readonly line: number
}

/** A line that includes another file. */
export interface Include {
  readonly kind: 'include'
  /** Absolute path. */
  readonly file: string
  readonly mayBeMissing: boolean
  readonly line: number
}

/**
 * The lines of a file in order. `file` is its absolute path, for messages and for relative
 * includes. Throws FormatError for a line that Nix rejects.
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

/** The default of the setting, which lines may add to. */
export const NO_FEATURES: Setting = {
  kind: 'setting',
  name: 'experimental-features',
  isExtra: false,
  words: [],
  file: '',
  line: 0,
}

/**
 * The value that these lines, in order, give a setting; undefined if none of them replaces Nix's
 * default.
 */
export function settingValue(settings: readonly Setting[], name: string): readonly string[] | undefined {
  const lines = settings.filter(setting => setting.name === name)
  const last = lines.findLastIndex(({ isExtra }) => !isExtra)
  return last < 0 ? undefined : lines.slice(last).flatMap(({ words }) => words)
}

/** The words that these lines, in order, add to a setting's default. */
export function wordsFor(settings: readonly Setting[], name: string): readonly string[] {
  return settings.filter(setting => setting.name === name).flatMap(({ words }) => words)
}
