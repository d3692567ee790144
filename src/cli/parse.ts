/** From the words of a call to what it means, by the data of the commands alone. */
import { resolve } from 'node:path'
import { Parser } from 'yargs/helpers'
import { printable } from '../primitives/printable.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import {
  type Arguments,
  argumentName,
  type Command,
  GLOBAL_OPTIONS,
  type GlobalValues,
  type Option,
  type Options,
  PLACE_OPTIONS,
  placeOptions,
  type ValuedOption,
} from './command.ts'
import { UnknownWordError, UsageError } from './usage-error.ts'

/** A value by the name of its option or argument. */
type ParsedValues = Readonly<Record<string, boolean | string | readonly string[] | undefined>>

/** The words that choose a command, and all others in their order. */
export interface Split {
  /** Words of the longest name that was found, such as `policy check`. */
  readonly name: string
  readonly rest: readonly string[]
  /** The first word that belongs to no name: an argument, or a command that is misspelt. */
  readonly next?: string
}

/** Options that may stand before and between the words of a command's name. */
const ANYWHERE: Options = { ...PLACE_OPTIONS, ...GLOBAL_OPTIONS }

/**
 * Splits the name of a command, which may have several words, from the rest of a call. Options that
 * many commands have may stand before and between the words. `isPrefix` tells whether words begin a
 * name.
 */
export function splitCall(args: readonly string[], isPrefix: (name: string) => boolean): Split {
  let name = ''
  const rest: string[] = []
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? ''
    const longer = name === '' ? arg : `${name} ${arg}`
    if (arg === '--') return { name, rest: [...rest, ...args.slice(index)] }
    if (!arg.startsWith('-')) {
      if (!isPrefix(longer)) return { name, rest: [...rest, ...args.slice(index)], next: arg }
      name = longer
      continue
    }
    rest.push(arg)
    const option = ANYWHERE[arg.slice(2)]
    // Its value is not the name of a command.
    if (option !== undefined && option.kind !== 'flag') rest.push(...args.slice(++index, index + 1))
  }
  return { name, rest }
}

/**
 * The values of a call to a command, with those that it leaves out. Throws UsageError for whatever
 * the command's data does not allow.
 */
export function parseValues(
  name: string,
  command: Command,
  rest: readonly string[],
): ParsedValues & GlobalValues {
  const options: Options = { ...GLOBAL_OPTIONS, ...placeOptions(command), ...command.options }
  const parsed = Parser(canonicalWords(name, options, rest), parserOptions(options))
  const given = new Map<string, readonly string[]>()
  for (const [key, option] of Object.entries(options)) {
    if (!Object.hasOwn(parsed, key)) continue
    const values = [parsed[key]].flat().map(String)
    if (option.kind !== 'values' && values.length > 1) {
      throw new UsageError(`--${key} is given more than once`)
    }
    given.set(key, option.kind === 'flag' ? [] : values)
  }
  const positionals = (parsed['--'] ?? []).map(String)
  const asked = given.has('help') || given.has('version')
  const values = Object.entries(options).map(([key, option]) => [
    key,
    optionValue(key, option, given.get(key), asked),
  ])
  const named = asked ? {} : argumentValues(name, command.arguments, positionals)
  return { ...Object.fromEntries(values), ...named } as ParsedValues & GlobalValues
}

/**
 * Where a call looks, as absolute paths: what a command does not read is where it always is. Throws
 * UsageError for an empty name.
 */
export function placesOf(values: GlobalValues): Places {
  const { policy = DEFAULT_PLACES.policy, state = DEFAULT_PLACES.state, attestations = [] } = values
  return {
    policy: absolute('policy', policy),
    state: absolute('state', state),
    attestations:
      attestations.length === 0
        ? undefined
        : attestations.map(directory => absolute('attestations', directory)),
  }
}

function absolute(option: string, path: string): string {
  if (path === '') throw new UsageError(`--${option} is empty: give it a path, or leave it out`)
  return resolve(path)
}

/**
 * What yargs is told of the options: each value is one whole word, and stays the text that it is.
 */
function parserOptions(options: Options) {
  const all = Object.entries(options)
  const valued = all.filter(([, option]) => option.kind !== 'flag').map(([key]) => key)
  return {
    boolean: all.filter(([, option]) => option.kind === 'flag').map(([key]) => key),
    string: valued,
    narg: Object.fromEntries(valued.map(key => [key, 1])),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'nargs-eats-options': true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'short-option-groups': false,
    },
  }
}

function shortOf(option: Option): string | undefined {
  return option.short
}

/**
 * The words of a call in the one form that yargs cannot read in two ways: `--flag`, `--option` and
 * its value as two words, then `--`, then all arguments. Otherwise yargs would guess: it takes a
 * `true` after a flag for the flag's value, strips quotes from `--option='x'`, and accepts options
 * that are not in the data. Throws UsageError for an option that is unknown or lacks its value.
 */
function canonicalWords(name: string, options: Options, rest: readonly string[]): string[] {
  const shorts = new Map(Object.entries(options).map(([key, option]) => [shortOf(option), key]))
  const words: string[] = []
  const positionals: string[] = []
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? ''
    if (word === '--') {
      positionals.push(...rest.slice(index + 1))
      break
    }
    if (!/^-./.test(word)) {
      positionals.push(word)
      continue
    }
    const [, rawName = word, key = shorts.get(word.slice(1)), inline] =
      /^(--([a-z-]+))(=.*)?$/s.exec(word) ?? []
    const option = key !== undefined && Object.hasOwn(options, key) ? options[key] : undefined
    if (key === undefined || option === undefined) throw unknownOption(name, options, rawName)
    words.push(`--${key}`)
    if (option.kind === 'flag') {
      if (inline !== undefined) throw new UsageError(`${rawName} takes no value`)
      continue
    }
    words.push(givenValue(rawName, option, inline, inline === undefined ? rest[++index] : undefined))
  }
  return [...words, '--', ...positionals]
}

/** What looks like another option is one: `--key=-x` gives a value that begins with a dash. */
function givenValue(rawName: string, option: ValuedOption, inline?: string, next?: string): string {
  const value = inline?.slice(1) ?? next
  if (value === undefined || (inline === undefined && /^-./.test(value))) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`)
  }
  if (option.choices === undefined || option.choices.includes(value)) return value
  throw new UsageError(`${rawName} ${printable(value, 60)}: choose one of ${option.choices.join(', ')}`)
}

function optionValue(key: string, option: Option, given: readonly string[] | undefined, asked: boolean) {
  if (option.kind === 'flag') return given !== undefined
  if (given === undefined && option.required && !asked) {
    throw new UsageError(`--${key} ${option.value} is missing: ${option.text}`)
  }
  if (option.kind === 'values') return given ?? option.fallback ?? []
  return given?.[0] ?? option.fallback
}

function argumentValues(name: string, expected: Arguments, positionals: readonly string[]): ParsedValues {
  let left = positionals
  const values: [string, string | readonly string[] | undefined][] = []
  for (const [key, argument] of Object.entries(expected)) {
    const { count, text } = argument
    const [first, ...others] = left
    const isNeeded = count === 'one' || count === 'one or more'
    if (first === undefined && isNeeded) {
      throw new UsageError(`${argumentName(key, argument)} is missing: ${text}`)
    }
    const takesAll = count === 'one or more' || count === 'any number'
    values.push([key, takesAll ? left : first])
    left = takesAll ? [] : others
  }
  const [extra] = left
  if (extra === undefined) return Object.fromEntries(values)
  throw new UsageError(`nixsig ${name} does not take ${printable(extra, 60)}: see nixsig ${name} --help`)
}

function unknownOption(name: string, options: Options, rawName: string): UsageError {
  if (Object.hasOwn(PLACE_OPTIONS, rawName.slice(2)))
    return new UsageError(
      `nixsig ${name} takes no ${rawName}, as it would not look there; next: leave it out, or see ${helpOf(name)}`,
    )
  const known = new Map(Object.keys(options).map(key => [key, `--${key}`]))
  const slip = { word: rawName.replace(/^-+/, ''), known }
  return new UnknownWordError(`unknown option ${printable(rawName, 60)}`, `see ${helpOf(name)}`, slip)
}

/** The command that explains a command or a group, or nixsig as a whole where `name` is empty. */
export function helpOf(name: string): string {
  return name === '' ? 'nixsig --help' : `nixsig ${name} --help`
}
