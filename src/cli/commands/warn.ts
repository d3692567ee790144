import { machinePlaces } from '../../setup/places.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { saySettled } from '../mode-words.ts'
import { assertOwnMachine } from '../setup-words.ts'
import type { Status } from '../status.ts'

/** `nixsig warn`: from now on what is not trusted is told, and let pass. */
export const warn: AddCommand = yargs =>
  yargs.command(
    'warn',
    'Tell from now on what is not trusted, and let it pass: mode = "warn" in the policy (root)',
    command => command.example('$0 warn', 'to get out when too much is refused'),
    runs(letPass),
  )

async function letPass(_options: object, { places, terminal }: Invocation): Promise<Status> {
  assertOwnMachine('warn', places)
  const { switchMode } = await import('../../setup/switch-mode.ts')
  const settled = await switchMode(machinePlaces(), 'warn')
  if (settled === undefined) terminal.print('nothing to do: the policy only warns already')
  terminal.note(
    terminal.bad(
      `WARNING: nixsig refuses nothing now. Whatever anybody has Nix build, fetch or copy is let in, signed or not,
and stays in the store when you enforce again. Warnings are in the log of nix-daemon. Go back with: nixsig enforce`,
    ),
  )
  return saySettled(settled, terminal)
}
