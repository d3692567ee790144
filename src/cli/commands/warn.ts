import { when } from '../../policy/words.ts'
import { machinePlaces } from '../../setup/places.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { saySettled } from '../mode-words.ts'
import { respiteEnd } from '../respite-time.ts'
import { assertOwnMachine } from '../setup-words.ts'
import type { Status } from '../status.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly until: string | undefined
  readonly reason: string | undefined
}

/** `nixsig warn`: from now on, or for a time, what is not trusted is told, and let pass. */
export const warn: AddCommand = yargs =>
  yargs.command(
    'warn',
    'Tell from now on what is not trusted, and let it pass: mode = "warn" in the policy (root)',
    command =>
      command
        .option('until', {
          type: 'string',
          requiresArg: true,
          describe: 'Only until then, a week at most, and leave the policy as it is: 2h, 1d or a time',
        })
        .option('reason', { type: 'string', requiresArg: true, describe: 'Why, for the log' })
        .example('$0 warn', 'to get out when too much is refused')
        .example('$0 warn --until 2h --reason "the cache is down"', 'the same, and it ends by itself'),
    runs(letPass),
  )

async function letPass({ until, reason }: Options, { places, terminal }: Invocation): Promise<Status> {
  assertOwnMachine('warn', places)
  if (until !== undefined) return letPassUntil(until, reason ?? '', terminal)
  if (reason !== undefined) throw new UsageError('--reason goes with --until')
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

async function letPassUntil(text: string, reason: string, terminal: Terminal): Promise<Status> {
  const since = Math.floor(Date.now() / 1000)
  const until = respiteEnd(text, since)
  const { beginRespite } = await import('../../setup/respite.ts')
  const settled = await beginRespite(machinePlaces(), { since, until, reason })
  if (settled === undefined) {
    terminal.print('nothing to do: the policy only warns already, and has no end to that')
    return 0
  }
  terminal.note(
    terminal.bad(
      `WARNING: nixsig refuses nothing until ${when(until)}. Whatever anybody has Nix build, fetch or copy is let in,
signed or not, and stays in the store afterwards. Warnings are in the log of nix-daemon. End it sooner with: nixsig enforce`,
    ),
  )
  return saySettled(settled, terminal)
}
