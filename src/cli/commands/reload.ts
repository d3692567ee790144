import { RESIDENT_SOCKET } from '../../formats/hook-question.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'

interface Options {
  readonly socket: string
}

/** `nixsig reload`: a gate that runs reads, asks and judges everything anew. */
export const reload: AddCommand = yargs =>
  yargs.command(
    'reload',
    'Have the gate that runs here read its policy, ask its upstreams and judge everything anew (root)',
    command =>
      command
        .option('socket', {
          type: 'string',
          default: RESIDENT_SOCKET,
          requiresArg: true,
          describe: 'Unix socket of the gate',
        })
        .example('$0 reload', 'after an upstream got what it had not'),
    runs(askForReload),
  )

async function askForReload({ socket }: Options, { terminal }: Invocation): Promise<Status> {
  const { askResident } = await import('../../gate/ask-resident.ts')
  const asked = await askResident({ kind: 'reload' }, socket)
  if (asked.kind === 'answered') {
    terminal.note('reloaded')
    return 0
  }
  const why = asked.kind === 'absent' ? `no gate listens at ${printable(socket)}` : printable(asked.why, 4000)
  terminal.note(`nixsig: not reloaded: ${why}`)
  return 2
}
