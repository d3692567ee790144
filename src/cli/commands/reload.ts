import { RESIDENT_SOCKET } from '../../formats/hook-question.ts'
import { printable } from '../../primitives/printable.ts'
import { withSystemErrorsInWords } from '../../primitives/system-error-words.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'

interface Options {
  readonly socket: string
}

/** `nixsig reload`: a running gate reads, asks and judges everything again. */
export const reload = command({
  options: {
    socket: { kind: 'value', value: 'FILE', fallback: RESIDENT_SOCKET, text: 'Unix socket of the gate' },
  },
  examples: [['reload', 'after an upstream got new paths']],
  run: askForReload,
})

async function askForReload({ socket }: Options, { terminal }: Invocation): Promise<Status> {
  const { askResident } = await import('../../gate/ask-resident.ts')
  const asked = await askResident({ kind: 'reload' }, socket)
  if (asked.kind === 'answered') {
    terminal.note('reloaded')
    return 0
  }
  const why =
    asked.kind === 'absent'
      ? `no gate listens at ${printable(socket)}`
      : withSystemErrorsInWords(printable(asked.why, 4000))
  terminal.note(`nixsig: not reloaded: ${why}`)
  return 2
}
