import { printable } from '../../primitives/printable.ts'
import { machinePlaces } from '../../setup/places.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { saySettled } from '../mode-words.ts'
import { assertOwnMachine } from '../setup-words.ts'
import type { Status } from '../status.ts'

interface Options {
  readonly force: boolean
}

/** `nixsig enforce`: from now on what is not trusted is refused. */
export const enforce: AddCommand = yargs =>
  yargs.command(
    'enforce',
    'Refuse from now on what is not trusted: mode = "enforce" in the policy (root)',
    command =>
      command
        .option('force', {
          type: 'boolean',
          default: false,
          describe: 'Even if the policy lists nobody, so that next to everything is refused',
        })
        .example('$0 enforce', 'when nothing is told any more that you use'),
    runs(refuseFromNowOn),
  )

async function refuseFromNowOn({ force }: Options, { places, terminal }: Invocation): Promise<Status> {
  assertOwnMachine('enforce', places)
  const { modeInForce, switchMode } = await import('../../setup/switch-mode.ts')
  const all = machinePlaces()
  const { cutShort } = await import('../../setup/respite.ts')
  const ended = await cutShort(all, Math.floor(Date.now() / 1000))
  if (ended?.wasInForce)
    terminal.print(`${terminal.good('the respite is over')}: what is not trusted is refused`)
  if (ended?.mode === 'enforce') return saySettled(ended.settled, terminal)
  const { policy, letIn } = modeInForce(all)
  if (policy.mode === 'warn') {
    if (policy.principals.size === 0 && !force) {
      terminal.note(
        `nixsig: ${printable(places.policy)} lists nobody, so next to everything would be refused: list whom you trust first ([principals]), or --force`,
      )
      return 2
    }
    if (letIn > 0) {
      const paths = letIn === 1 ? '1 path' : `${letIn} paths`
      terminal.note(
        `nixsig: note: ${paths} came into the store with a warning, and would be refused now: ls ${printable(all.state)}/let-in`,
      )
    }
  }
  const settled = await switchMode(all, 'enforce')
  terminal.print(
    settled === undefined
      ? 'nothing to do: the policy is enforced already'
      : `${terminal.good('enforced')}: what is not trusted is refused from now on. The way back: nixsig warn`,
  )
  return saySettled(settled, terminal)
}
