/** The reference of all commands, made from their data: a page of Markdown, and manual pages. */
import { argumentName, type Command, GLOBAL_OPTIONS, type Options, placeOptions } from './command.ts'
import { COMMANDS, type Entry, GROUPS } from './commands.ts'
import { optionText, optionUsage, PURPOSE, STATUSES, titleOf, usage } from './help.ts'

/** A command with everything that is said of it. */
interface Documented {
  readonly entry: Entry
  readonly command: Command
}

/** Loads all commands that are for people. */
export async function documentedCommands(): Promise<readonly Documented[]> {
  const shown = COMMANDS.filter(({ isHidden }) => isHidden !== true)
  return Promise.all(shown.map(async entry => ({ entry, command: await entry.load() })))
}

/** docs/commands.md. `head` comes first. */
export function commandsPage(head: string, commands: readonly Documented[]): string {
  const parts = [
    head,
    '## Every command',
    optionList(GLOBAL_OPTIONS),
    ...STATUSES,
    ...commands.flatMap(({ entry, command }) => markdownOf(entry, command)),
  ]
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

function markdownOf(entry: Entry, command: Command): readonly string[] {
  const { arguments: positional, examples, epilogue } = command
  const options = { ...command.options, ...placeOptions(command) }
  const shown = examples.flatMap(([call, purpose]) => [
    ...(purpose === '' ? [] : [`# ${titleOf(purpose)}`]),
    `nixsig ${call}`,
  ])
  return [
    `## nixsig ${entry.name}`,
    `${entry.summary}.`,
    `    ${usage(entry.name, command)}`,
    Object.entries(positional)
      .map(([key, argument]) => `- \`${argumentName(key, argument)}\`: ${argument.text}`)
      .join('\n'),
    optionList(options),
    shown.length === 0 ? '' : ['Examples:', '', ...shown.map(line => `    ${line}`)].join('\n'),
    epilogue ?? '',
  ]
}

function optionList(options: Options): string {
  return Object.entries(options)
    .map(([key, option]) => `- \`${optionUsage(key, option)}\`: ${optionText(option)}`)
    .join('\n')
}

/**
 * Manual pages in the language of man(7), by the names of their files: nixsig(1), and one for each
 * command or group.
 */
export function manualPages(version: string, commands: readonly Documented[]): ReadonlyMap<string, string> {
  const first = [...new Set(commands.map(({ entry }) => entry.name.split(' ')[0] ?? ''))]
  const pages = first.map(name => {
    const members = commands.filter(({ entry }) => entry.name.split(' ')[0] === name)
    const summary = GROUPS[name] ?? members[0]?.entry.summary ?? ''
    const body = members.map(({ entry, command }) => manualSection(entry, command)).join('\n')
    return [
      `nixsig-${name}`,
      manual(`nixsig-${name}`, summary, version, `${body}\n${globalSection()}`),
    ] as const
  })
  const list = commands.map(({ entry }) => paragraph(`nixsig ${entry.name}`, entry.summary)).join('\n')
  const overview = manual(
    'nixsig',
    PURPOSE,
    version,
    `.SH COMMANDS\n${list}\n${globalSection()}\n${statusSection()}`,
  )
  return new Map([['nixsig.1', overview], ...pages.map(([name, text]) => [`${name}.1`, text] as const)])
}

function manual(name: string, summary: string, version: string, body: string): string {
  return `.TH ${name.toUpperCase()} 1 "" "nixsig ${version}" "nixsig"
.SH NAME
${roff(name)} \\- ${roff(summary)}
${body}
.SH SEE ALSO
.BR nixsig (1)
`
}

function manualSection(entry: Entry, command: Command): string {
  const { arguments: positional, examples, epilogue } = command
  const options = { ...command.options, ...placeOptions(command) }
  return [
    `.SH ${roff(usage(entry.name, command))}`,
    roff(`${entry.summary}.`),
    ...Object.entries(positional).map(([key, argument]) =>
      paragraph(argumentName(key, argument), argument.text),
    ),
    ...optionParagraphs(options),
    ...examples.map(([call, purpose]) =>
      paragraph(`nixsig ${call}`, purpose === '' ? 'An example.' : `${titleOf(purpose)}.`),
    ),
    ...(epilogue === undefined ? [] : ['.PP', roff(epilogue)]),
  ].join('\n')
}

function globalSection(): string {
  return ['.SH OPTIONS OF EVERY COMMAND', ...optionParagraphs(GLOBAL_OPTIONS)].join('\n')
}

function statusSection(): string {
  return ['.SH EXIT STATUS', ...STATUSES.flatMap(text => ['.PP', roff(text)])].join('\n')
}

function optionParagraphs(options: Options): readonly string[] {
  return Object.entries(options).map(([key, option]) =>
    paragraph(optionUsage(key, option), optionText(option)),
  )
}

function paragraph(term: string, text: string): string {
  return `.TP\n.B ${roff(term)}\n${roff(text)}`
}

/** Plain text in ASCII, no part of which is a request to troff (groff_char(7)). */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&')
  return escaped.replace(/[^\x20-\x7e]/gu, character => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return `\\[u${code}]`
  })
}
