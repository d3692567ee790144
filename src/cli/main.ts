/** The command line: `nixsig COMMAND`. Only the command that is called is loaded. */
import { MANY_THREADS, wantThreads } from '../http/threads.ts'
import { printable } from '../primitives/printable.ts'
import { type Command, EVERYWHERE, type GlobalValues } from './command.ts'
import { COMMANDS, type Entry, isPrefix } from './commands.ts'
import type { Status } from './exit-status.ts'
import { withOwnPolicy } from './own-policy.ts'
import { helpOf, parseValues, placesOf, splitCall } from './parse.ts'
import { runToEnd } from './run-to-end.ts'
import { openTerminal } from './terminal.ts'
import { UnknownWordError, UsageError } from './usage-error.ts'

/** That of a program which SIGPIPE ended. */
const SIGPIPE_STATUS = 141
/** Words of the longest name of a command. */
const HELP_WORDS = 2

async function call(args: readonly string[]): Promise<Status> {
  // `nixsig help verify`, as git and others have it.
  const [first, ...others] = args
  if (first === 'help') return call([...others.slice(0, HELP_WORDS), '--help'])
  const { name, rest, next } = splitCall(args, isPrefix)
  const entry = COMMANDS.find(each => each.name === name)
  const command = entry === undefined ? NO_COMMAND : await entry.load()
  if (entry === undefined && next !== undefined) throw unknownCommand(name, next)
  const values = parseValues(name, command, rest)
  if (values.help) return showHelp(await helpOn(name, entry, command), values)
  if (values.version) return sayVersion(values)
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
  return helpOf(names.at(-1) ?? '')
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
  const group = name === '' ? '' : `${name} `
  const known = new Map<string, string>()
  for (const { name: each, isHidden } of COMMANDS) {
    if (isHidden || !each.startsWith(group)) continue
    const [head = '', last] = each.slice(group.length).split(' ')
    // A group or a command, a command by its whole name, and one of a group by its last word alone.
    known.set(head, `nixsig ${group}${head}`)
    known.set(each, `nixsig ${each}`)
    if (last !== undefined && !known.has(last)) known.set(last, `nixsig ${each}`)
  }
  return new UnknownWordError(`unknown command "${full}"`, `${helpOf(name)} lists them`, {
    word: next,
    known,
  })
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

/** `--version`, with whatever command: the same as `nixsig version`. */
async function sayVersion(values: GlobalValues): Promise<Status> {
  const { sayVersions } = await import('./commands/version.ts')
  return sayVersions({ json: false }, { places: {}, terminal: openTerminal({ colour: !values['no-color'] }) })
}

/** In a pager where it is longer than the screen. */
async function showHelp(text: string, values: GlobalValues): Promise<Status> {
  const terminal = openTerminal({ colour: !values['no-color'] })
  if (process.stdout.isTTY !== true) terminal.print(text)
  else {
    const { paged } = await import('./pager.ts')
    await paged(terminal, out => out.print(text))
  }
  return 0
}

function main(): Promise<void> {
  wantThreads(MANY_THREADS)
  // A reader that went away (`nixsig … | head`) has all it wanted, and gets no status that means
  // success.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(SIGPIPE_STATUS)
    void sayUnwritten(error)
  })
  const args = process.argv.slice(2)
  return runToEnd(
    () => call(args),
    () => helpFor(args),
  )
}

async function sayUnwritten(error: NodeJS.ErrnoException): Promise<never> {
  const { reasonOf } = await import('../primitives/system-error-words.ts')
  process.stderr.write(`nixsig: cannot write the answer: ${reasonOf(error)}\n`)
  process.exit(2)
}

void main()
