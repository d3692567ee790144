/** What all commands share: the global options, and how a command's function becomes a handler of yargs. */
import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import type { Status } from './status.ts'
import { openTerminal, type Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export interface GlobalOptions {
  readonly policy: string
  readonly attestations: readonly string[] | undefined
  readonly state: string
  readonly 'no-color': boolean
}

/** Where a command looks and how it answers. */
export interface Invocation {
  readonly places: Places
  readonly terminal: Terminal
}

/** Adds one command, with its options and its examples, to the command line. */
export type AddCommand = (yargs: Argv<GlobalOptions>) => Argv<GlobalOptions>

/** Declares the global options. */
export function withGlobalOptions(yargs: Argv): Argv<GlobalOptions> {
  return yargs.options({
    policy: {
      type: 'string',
      default: DEFAULT_PLACES.policy,
      requiresArg: true,
      describe: 'The trusted list and its rules',
    },
    attestations: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: "Directory of attestations, in place of the policy's; may be repeated",
    },
    state: {
      type: 'string',
      default: DEFAULT_PLACES.state,
      requiresArg: true,
      describe: 'What this machine keeps: ledger, quarantine, key',
    },
    'no-color': { type: 'boolean', default: false, describe: 'No colours (NO_COLOR does the same)' },
  }) as Argv<GlobalOptions>
}

/**
 * The handler that runs a command and leaves its status to the process. `repeatable`: options that may be given more than
 * once here, beside those that may be everywhere.
 */
export function runs<T>(
  run: (args: T, invocation: Invocation) => Promise<Status>,
  repeatable: readonly string[] = [],
): (args: T & GlobalOptions) => Promise<void> {
  return async args => {
    refuseRepeated(args, [...REPEATABLE, ...repeatable])
    const terminal = openTerminal(!args['no-color'])
    process.exitCode = await run(args, { places: placesOf(args), terminal })
  }
}

/** Whether the state directory belongs with the policy in use: both the machine's own, or both named. */
export function isUsualSetting({ policy, state, attestations }: Places): boolean {
  return policy === DEFAULT_PLACES.policy && state === DEFAULT_PLACES.state && attestations === undefined
}

function placesOf(options: GlobalOptions): Places {
  return {
    policy: absolute('policy', options.policy),
    state: absolute('state', options.state),
    attestations: options.attestations?.map(directory => absolute('attestations', directory)),
  }
}

function absolute(option: string, path: string): string {
  if (path === '') throw new UsageError(`--${option} names nothing`)
  return resolve(path)
}

/** Options that may be given more than once in every command that has them. */
const REPEATABLE: readonly string[] = [
  'attestations',
  'key',
  'developer-key',
  'developerKey',
  'paths',
  'files',
  'targets',
  'attr',
  'A',
  'from',
  'ids',
  '_',
]

/** Of two values for one option it is not for us to guess which was meant. */
function refuseRepeated(args: object, repeatable: readonly string[]): void {
  const entries = Object.entries(args)
  const [repeated] = entries.find(([name, value]) => Array.isArray(value) && !repeatable.includes(name)) ?? []
  if (repeated !== undefined) throw new UsageError(`--${repeated} is given more than once`)
}
