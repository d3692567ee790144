import type { Settled } from '../setup/settle.ts'
import type { Status } from './status.ts'
import type { Terminal } from './terminal.ts'

/** Says whether a gate that runs took the new policy; the status of the command. */
export function saySettled(settled: Settled | undefined, terminal: Terminal): Status {
  if (settled?.kind !== 'not-reloaded') return 0
  terminal.note(`nixsig: the gate that runs did not take it: ${settled.why}`)
  return 2
}
