import type { GateReload } from '../setup/announce-policy.ts'
import type { Status } from './status.ts'
import type { Terminal } from './terminal.ts'

/**
 * Says whether a gate that runs took the new policy; the status of the command. Where it hangs the program ends here: it
 * would wait for the answer otherwise.
 */
export function saySettled(settled: GateReload | undefined, terminal: Terminal): Status {
  const why = whyNot(settled)
  if (why === undefined) return 0
  terminal.note(`nixsig: the policy is in force, but the gate that runs did not say that it took it: ${why}`)
  if (settled?.kind === 'hangs') process.exit(2)
  return 2
}

function whyNot(settled: GateReload | undefined): string | undefined {
  if (settled?.kind === 'hangs') return 'it does not answer; restart it'
  return settled?.kind === 'not-reloaded' ? settled.why : undefined
}
