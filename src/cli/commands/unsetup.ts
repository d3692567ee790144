import { printable } from '../../primitives/printable.ts'
import { machinePlaces } from '../../setup/places.ts'
import { askToAgree } from '../agree.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { assertOwnMachine, noteAll, printSteps } from '../setup-words.ts'
import type { Status } from '../status.ts'

interface Options {
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly purge: boolean
}

/** `nixsig unsetup`: Nix works as it did before setup. */
export const unsetup: AddCommand = yargs =>
  yargs.command(
    'unsetup',
    'Restore what setup changed; policy, keys and ledger stay (root)',
    command =>
      command
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Show what would be done, and do nothing',
        })
        .option('yes', { type: 'boolean', default: false, describe: 'Do not ask' })
        .option('purge', {
          type: 'boolean',
          default: false,
          describe: 'Delete policy, keys, ledger and quarantine as well: for good',
        })
        .example('$0 unsetup', 'Nix judges nothing any more, and takes what it took before'),
    runs(leave),
  )

async function leave(options: Options, { places, terminal }: Invocation): Promise<Status> {
  assertOwnMachine('unsetup', places)
  const { takeDown } = await import('../../setup/take-down.ts')
  const outcome = await takeDown(machinePlaces(), options.purge, async ({ steps, notes }) => {
    printSteps(steps, terminal)
    if (options.purge)
      terminal.print(terminal.bad(`delete ${printable(places.policy)} and ${printable(places.state)}`))
    noteAll(notes, terminal)
    if (options['dry-run']) return false
    return options.yes || askToAgree('Do this?')
  })
  switch (outcome.kind) {
    case 'nothing':
      terminal.print('nothing to do: nothing here is of setup')
      return 0
    case 'declined':
      terminal.note('nothing was done')
      return options['dry-run'] ? 0 : 2
    case 'partly':
      terminal.note('nixsig: not everything is as it was; what is left to do is said above')
      return 2
    case 'failed':
      terminal.note(`nixsig: ${outcome.problem}`)
      return 2
    case 'done':
      terminal.print(
        `${terminal.good('done')}; restart nix-daemon if it runs and systemd did not, and end a gate that you started`,
      )
      return 0
  }
}
