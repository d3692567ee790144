/** The command line: `nixsig COMMAND`. Every command has a file of its own in commands/. */
import yargs, { type Argv } from 'yargs'
import project from '../../package.json' with { type: 'json' }
import { printable } from '../primitives/printable.ts'
import { type AddCommand, withGlobalOptions } from './command.ts'
import { attest } from './commands/attest.ts'
import { checkSignature } from './commands/check-signature.ts'
import { conflicts } from './commands/conflicts.ts'
import { doctor } from './commands/doctor.ts'
import { enforce } from './commands/enforce.ts'
import { explain } from './commands/explain.ts'
import { exportCommand } from './commands/export.ts'
import { handoff } from './commands/handoff.ts'
import { importCommand } from './commands/import.ts'
import { key } from './commands/key.ts'
import { keygen } from './commands/keygen.ts'
import { machineKeys } from './commands/machine-keys.ts'
import { policy } from './commands/policy.ts'
import { publish } from './commands/publish.ts'
import { quarantine } from './commands/quarantine.ts'
import { reload } from './commands/reload.ts'
import { serve, serveHttpSide } from './commands/serve.ts'
import { setup } from './commands/setup.ts'
import { sync } from './commands/sync.ts'
import { unsetup } from './commands/unsetup.ts'
import { verify } from './commands/verify.ts'
import { warn } from './commands/warn.ts'
import { runToEnd } from './run-to-end.ts'
import { UsageError } from './usage-error.ts'

const COMMANDS: readonly AddCommand[] = [
  setup,
  unsetup,
  enforce,
  warn,
  keygen,
  key,
  machineKeys,
  attest,
  handoff,
  checkSignature,
  verify,
  explain,
  serve,
  serveHttpSide,
  reload,
  publish,
  sync,
  policy,
  quarantine,
  conflicts,
  importCommand,
  exportCommand,
  doctor,
]

const STATUSES = `Exit status: 0 trusted or done, 2 wrong call, policy or file, 10 unsigned, 11 unknown signer,
12 threshold not met or refused by the rule, 13 bad signature, other contents or conflict,
14 revoked or expired, 20 undecided. Of several paths the most severe: 13, 14, 12, 11, 10, 20.`

/** That of a program which SIGPIPE ended. */
const SIGPIPE_STATUS = 141

/** Columns that help is wrapped at, on narrow terminals fewer. */
const HELP_WIDTH = 100

function commandLine(args: readonly string[]): Argv {
  const start: Argv = yargs([...args])
    .scriptName('nixsig')
    // Messages are not translated, whatever the environment says.
    .locale('en')
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .usage('$0 COMMAND\n\nA trust gate for Nix: who signed what, and does it suffice?')
  return COMMANDS.reduce((yargs, add) => add(yargs), withGlobalOptions(start))
    .completion('completion', 'Print a completion script for the shell in use (bash or zsh)')
    .demandCommand(1, 'which command? "nixsig --help" lists them')
    .strict()
    .version(project.version)
    .help()
    .wrap(Math.min(HELP_WIDTH, process.stdout.columns ?? HELP_WIDTH))
    .epilogue(STATUSES)
    .fail((message, error) => {
      // Wrong calls come as a message or, where the parser itself complains, as an error of its own kind.
      if (error !== undefined && error.name !== 'YError') throw error
      const complaint = message ?? error?.message ?? 'wrong call'
      throw new UsageError(printable(complaint.replaceAll(/\s*\n\s*/g, ' ')))
    })
}

async function main(): Promise<void> {
  // A reader that went away (`nixsig … | head`) has all it wanted, and is not told that all was well.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(SIGPIPE_STATUS)
    process.stderr.write(`nixsig: cannot write the answer: ${printable(error.message)}\n`)
    process.exit(2)
  })
  await runToEnd(() => commandLine(process.argv.slice(2)).parseAsync())
}

void main()
