import { RESIDENT_SOCKET } from '../../formats/hook-question.ts'
import { printable } from '../../primitives/printable.ts'
import { withSystemErrorsInWords } from '../../primitives/system-error-words.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly socket: string
  readonly json: boolean
}

/** `nixsig reload`: a running gate reads, asks and judges everything again. */
export const reload = command({
  options: {
    socket: { kind: 'value', value: 'FILE', fallback: RESIDENT_SOCKET, text: 'Unix socket of the gate' },
    json: JSON_OPTION,
  },
  examples: [['reload', 'After an upstream got new paths']],
  run: askForReload,
})

async function askForReload({ socket, json }: Options, { terminal }: Invocation): Promise<Status> {
  const { askResident } = await import('../../gate/ask-resident.ts')
  const asked = await askResident({ kind: 'reload' }, socket)
  if (asked.kind === 'answered') {
    if (json) terminal.print(jsonLine({ reloaded: true }))
    else terminal.note('reloaded')
    return 0
  }
  const why =
    asked.kind === 'absent'
      ? `no gate listens at ${printable(socket)}`
      : withSystemErrorsInWords(printable(asked.why, 4000))
  if (json) terminal.print(jsonLine({ reloaded: false, message: why }))
  else terminal.note(`nixsig: not reloaded: ${why}`)
  return 2
}
