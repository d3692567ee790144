import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { FRONTS, type Front } from '../../setup/installation.ts'
import { machinePlaces } from '../../setup/places.ts'
import type { Plan } from '../../setup/plan.ts'
import { advisoryNotes } from '../advisory-notes.ts'
import { askToAgree } from '../agree.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { saySettled } from '../mode-words.ts'
import { assertOwnMachine, noteAll, printSteps } from '../setup-words.ts'
import type { Status } from '../status.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly without: readonly Front[] | undefined
}

/** `nixsig setup`: puts nixsig in force on this machine. */
export const setup: AddCommand = yargs =>
  yargs.command(
    'setup',
    'Put nixsig in force on this machine: keys, a first policy that only warns, the settings of Nix, the gate (root)',
    command =>
      command
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Show what would be done, and do nothing',
        })
        .option('yes', { type: 'boolean', default: false, describe: 'Do not ask' })
        .option('without', {
          choices: FRONTS,
          array: true,
          requiresArg: true,
          describe: 'Leave this out; may be repeated',
        })
        .example('$0 setup --dry-run', 'to see every line first')
        .example('$0 setup --without plugin', ''),
    runs(setUpMachine, ['without']),
  )

async function setUpMachine(options: Options, { places, terminal }: Invocation): Promise<Status> {
  assertOwnMachine('setup', places)
  const without = frontsOf(options.without ?? [])
  const { setUp } = await import('../../setup/set-up.ts')
  const directory = dirname(realpathSync.native(process.argv[1] ?? ''))
  let obstacles: readonly string[] = []
  const outcome = await setUp(machinePlaces(), { directory, without }, async plan => {
    obstacles = plan.obstacles
    if (obstacles.length > 0) return false
    showPlan(plan, await nixVersionLine(), terminal)
    if (options['dry-run']) return false
    return options.yes || askToAgree('Do this?')
  })
  switch (outcome.kind) {
    case 'nothing':
      terminal.print('nothing to do: nixsig is set up like this already')
      return 0
    case 'blocked':
      terminal.note(obstacles.map(obstacle => `nixsig: in the way: ${obstacle}`).join('\n'))
      terminal.note('nixsig: nothing was done')
      return 2
    case 'declined':
      terminal.note('nothing was done')
      return options['dry-run'] ? 0 : 2
    case 'failed':
      terminal.note(`nixsig: ${outcome.problem}`)
      terminal.note('nixsig: setup ended there; run it again when that is put right, or nixsig unsetup')
      return 2
    case 'done':
      await sayUnheeded(terminal)
      terminal.print(`${terminal.good('done')}; nixsig doctor tells whether every door is closed`)
      return saySettled(outcome.settled, terminal)
  }
}

/** That something is written does not mean that Nix heeds it. */
async function sayUnheeded(terminal: Terminal): Promise<void> {
  const { unheededIn } = await import('../../doctor/unheeded.ts')
  const found = await unheededIn(machinePlaces().included)
  for (const sentence of found) terminal.note(`nixsig: not in effect: ${sentence}`)
}

/** Each once, in the order in which they are told. */
function frontsOf(without: readonly Front[]): readonly Front[] {
  const fronts = FRONTS.filter(front => without.includes(front))
  if (fronts.includes('hooks') && !fronts.includes('plugin')) {
    throw new UsageError(
      'without the hooks nobody says which builds may start, and the plugin refuses all: --without plugin as well',
    )
  }
  return fronts
}

/** Milliseconds for Nix to say its version. */
const VERSION_LIMIT = 10_000

/** What `nix --version` prints; undefined where there is no Nix that answers. */
async function nixVersionLine(): Promise<string | undefined> {
  const { runProgram } = await import('../../files/run.ts')
  const asked = await runProgram('nix', ['--version'], VERSION_LIMIT).catch(() => undefined)
  return asked?.status === 0 ? asked.stdout.split('\n', 1)[0] : undefined
}

function showPlan({ newKeys, steps, notes }: Plan, version: string | undefined, terminal: Terminal): void {
  for (const key of newKeys) terminal.print(terminal.strong(`make the ${key}'s key`))
  printSteps(steps, terminal)
  noteAll([...notes, ...advisoryNotes(version)], terminal)
}
