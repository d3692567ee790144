/** What `--help` prints, made from the commands' data. */
import {
  type Argument,
  argumentName,
  type Command,
  GLOBAL_OPTIONS,
  type Option,
  type Options,
  placeOptions,
} from './command.ts'
import { COMMANDS, type Entry, GROUPS } from './commands.ts'

/** Columns that help is wrapped at, on narrow terminals fewer. */
const WIDTH = 100
/** Columns of names before their text. */
const NAME_WIDTH = 34

export const PURPOSE = 'A trust gate for Nix: who signed what, and does it suffice?'

/** Exit statuses, as paragraphs of one line. */
export const STATUSES = [
  'Exit status: 0 trusted or done, 2 wrong call, policy or file, 10 unsigned, 11 unknown signer, 12 threshold not met or refused by the rule, 13 bad signature, other contents or conflict, 14 revoked or expired, 20 undecided.',
  'For several paths it is the most severe one: 13, 14, 12, 11, 10, 20.',
]

/** The help of nixsig itself. */
export function generalHelp(): string {
  const shown = COMMANDS.filter(({ isHidden }) => isHidden !== true)
  const singles = shown.filter(({ name }) => !name.includes(' '))
  const rows = [...Object.entries(GROUPS), ...singles.map(({ name, summary }) => [name, summary] as const)]
  const order = [...new Set(shown.map(({ name }) => name.split(' ')[0] ?? ''))]
  const sorted = order.flatMap(first => rows.filter(([name]) => name === first))
  return sections([
    'nixsig COMMAND',
    PURPOSE,
    section(
      'Commands',
      sorted.map(([name, summary]) => [`nixsig ${name}`, summary]),
    ),
    section('Options', optionRows(GLOBAL_OPTIONS)),
    ...STATUSES,
  ])
}

/** The help of a group of commands, such as `policy`. */
export function groupHelp(group: string): string {
  const members = COMMANDS.filter(({ name }) => name.startsWith(`${group} `))
  return sections([
    `nixsig ${group} COMMAND`,
    GROUPS[group] ?? '',
    section(
      'Commands',
      members.map(({ name, summary }) => [`nixsig ${name}`, summary]),
    ),
    section('Options', optionRows(GLOBAL_OPTIONS)),
  ])
}

/** The help of one command. */
export function commandHelp({ name, summary }: Entry, command: Command): string {
  const { arguments: positional, options, examples, epilogue } = command
  return sections([
    usage(name, command),
    summary,
    section(
      'Arguments',
      Object.entries(positional).map(([key, argument]) => [argumentName(key, argument), argument.text]),
    ),
    section('Options', optionRows(options)),
    section('General options', optionRows(generalOptions(command))),
    exampleLines(examples),
    ...(epilogue === undefined ? [] : [epilogue.replaceAll('\n', ' ')]),
  ])
}

/**
 * Each example below what it is for, as in a shell's history; long ones go on behind a backslash.
 */
function exampleLines(examples: Command['examples']): string {
  if (examples.length === 0) return ''
  const lines = examples.flatMap(([call, purpose], index) => [
    ...(index > 0 && purpose !== '' ? [''] : []),
    ...(purpose === '' ? [] : wrapped(titleOf(purpose), columns() - 4).map(line => `  # ${line}`)),
    ...brokenCall(`nixsig ${call}`, columns() - 4).map(line => `  ${line}`),
  ])
  return ['Examples:', ...lines].join('\n')
}

/** What an example is for, with a capital letter. */
export function titleOf(purpose: string): string {
  return purpose.charAt(0).toUpperCase() + purpose.slice(1)
}

/** A call in lines of at most `width` columns where its words allow that. */
function brokenCall(call: string, width: number): readonly string[] {
  const lines = wrapped(call, width - 4)
  return lines.map(
    (line, index) => `${index === 0 ? '' : '    '}${line}${index < lines.length - 1 ? ' \\' : ''}`,
  )
}

/** What is the same in all commands that have it: the places that this one reads, and `--help`. */
function generalOptions(command: Command): Options {
  const { version: _, ...global } = GLOBAL_OPTIONS
  return { ...placeOptions(command), ...global }
}

/** One line: the name with its arguments. */
export function usage(name: string, { arguments: positional, options }: Command): string {
  const words = Object.entries(positional).map(([key, argument]) => argumentUsage(key, argument))
  const needed = Object.entries(options).flatMap(([key, option]) =>
    option.kind !== 'flag' && option.required === true ? [`--${key} ${option.value}`] : [],
  )
  return [`nixsig ${name}`, ...words, ...needed].join(' ')
}

/** How an option is written, such as `-A, --attr NAME`. */
export function optionUsage(key: string, option: Option): string {
  const short = option.short === undefined ? '' : `-${option.short}, `
  return option.kind === 'flag' ? `${short}--${key}` : `${short}--${key} ${option.value}`
}

/**
 * What an option is for, whether it may be repeated, its choices and what it is without being
 * given.
 */
export function optionText(option: Option): string {
  if (option.kind === 'flag') return option.text
  const remarks = [
    option.kind === 'values' ? 'may be repeated' : '',
    option.choices === undefined ? '' : `one of ${option.choices.join(', ')}`,
    option.fallback === undefined || option.fallback.length === 0
      ? ''
      : `default: ${[option.fallback].flat().join(' ')}`,
  ].filter(remark => remark !== '')
  return remarks.length === 0 ? option.text : `${option.text} (${remarks.join('; ')})`
}

function argumentUsage(key: string, argument: Argument): string {
  const { count } = argument
  const name = argumentName(key, argument)
  if (count === 'one') return name
  if (count === 'at most one') return `[${name}]`
  return count === 'one or more' ? `${name}...` : `[${name}...]`
}

function optionRows(options: Options): readonly (readonly [string, string])[] {
  return Object.entries(options).map(([key, option]) => [optionUsage(key, option), optionText(option)])
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return ''
  const width = Math.min(NAME_WIDTH, Math.max(...rows.map(([name]) => name.length)))
  const lines = rows.flatMap(([name, text]) => {
    const [first = '', ...more] = wrapped(text, columns() - width - 4)
    const rest = more.map(line => `${' '.repeat(width + 4)}${line}`)
    if (name.length > width && first !== '') return [`  ${name}`, `${' '.repeat(width + 4)}${first}`, ...rest]
    return [`  ${name.padEnd(width)}  ${first}`.trimEnd(), ...rest]
  })
  return [`${title}:`, ...lines].join('\n')
}

function sections(parts: readonly string[]): string {
  const all = parts.filter(part => part !== '')
  return all.map(part => (part.includes('\n') ? part : wrapped(part, columns()).join('\n'))).join('\n\n')
}

function columns(): number {
  return Math.max(60, Math.min(WIDTH, process.stdout.columns ?? WIDTH))
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
