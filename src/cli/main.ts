/** The command line: `nixsig COMMAND`. Only the command that is called is loaded. */
import project from '../../package.json' with { type: 'json' }
import { printable } from '../primitives/printable.ts'
import { type Command, EVERYWHERE } from './command.ts'
import { COMMANDS, type Entry, GROUPS } from './commands.ts'
import type { Status } from './exit-status.ts'
import { withOwnPolicy } from './own-policy.ts'
import { parseValues, placesOf, splitCall } from './parse.ts'
import { runToEnd } from './run-to-end.ts'
import { openTerminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** That of a program which SIGPIPE ended. */
const SIGPIPE_STATUS = 141

async function call(args: readonly string[]): Promise<Status> {
  const { name, rest, next } = splitCall(args, isPrefix)
  const entry = COMMANDS.find(each => each.name === name)
  const command = entry === undefined ? NO_COMMAND : await entry.load()
  if (entry === undefined && next !== undefined) throw unknownCommand(name, next)
  const values = parseValues(name, command, rest)
  if (values.help) return print(await helpOn(name, entry, command))
  if (values.version) return sayVersion()
  if (entry === undefined) throw which(name)
  const forPrograms = values['json'] === true || values['sarif'] === true
  const terminal = openTerminal({ colour: !values['no-color'], forPrograms })
  // The values are what this command's own data describes.
  const places = withOwnPolicy(placesOf(values), { command, words: rest, note: terminal.note })
  return command.run(values as never, { places, terminal })
}

/** The command that explains a call, or as much of it as is known. */
function helpFor(args: readonly string[]): string {
  const known = args.filter(each => /^[a-z-]+$/.test(each))
  const names = known.map((_, index) => known.slice(0, index + 1).join(' ')).filter(isPrefix)
  const name = names.at(-1)
  return name === undefined ? 'nixsig --help' : `nixsig ${name} --help`
}

/** What is there without a command: help and version. */
const NO_COMMAND: Command = {
  arguments: {},
  options: {},
  reads: EVERYWHERE,
  examples: [],
  run: async () => 2,
}

function unknownCommand(name: string, next: string): UsageError {
  const full = printable(name === '' ? next : `${name} ${next}`, 80)
  const help = name === '' ? 'nixsig --help' : `nixsig ${name} --help`
  return new UsageError(`unknown command "${full}": ${help} lists them`)
}

async function helpOn(name: string, entry: Entry | undefined, command: Command): Promise<string> {
  const { commandHelp, generalHelp, groupHelp } = await import('./help.ts')
  if (entry !== undefined) return commandHelp(entry, command)
  return name === '' ? generalHelp() : groupHelp(name)
}

function which(name: string): UsageError {
  if (name === '') return new UsageError('which command? "nixsig --help" lists them')
  const members = COMMANDS.filter(each => each.name.startsWith(`${name} `)).map(each => each.name)
  return new UsageError(`which one? ${members.join(', ')}`)
}

function isPrefix(name: string): boolean {
  return Object.hasOwn(GROUPS, name) || COMMANDS.some(each => each.name === name)
}

/** The version on standard output; what else is in force on standard error. */
async function sayVersion(): Promise<Status> {
  const { lookAtVersions, versionWords } = await import('../setup/in-force.ts')
  for (const line of versionWords(lookAtVersions())) process.stderr.write(`${line}\n`)
  return print(project.version)
}

function print(text: string): Status {
  process.stdout.write(`${text}\n`)
  return 0
}

function main(): Promise<void> {
  // A reader that went away (`nixsig … | head`) has all it wanted, and gets no status that means
  // success.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(SIGPIPE_STATUS)
    process.stderr.write(`nixsig: cannot write the answer: ${printable(error.message)}\n`)
    process.exit(2)
  })
  const args = process.argv.slice(2)
  return runToEnd(
    () => call(args),
    () => helpFor(args),
  )
}

void main()
