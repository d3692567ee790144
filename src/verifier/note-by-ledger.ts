import { appendLine } from '../decisions/append.ts'
import { type Door, LEDGER, printDecision } from '../decisions/line.ts'
import { askerAbove } from '../files/asker.ts'
import type { PolicySnapshot } from '../ledger/policy-snapshot.ts'
import type { Moment } from './admitted.ts'

/**
 * Writes into the decision log what the ledger alone lets in: not flushed, as it was flushed when it
 * was judged. Throws FileError if it cannot be written at once, so that the full judgement writes it,
 * says so, or refuses.
 */
export function noteByLedger(
  { state, policy, mode, decisions }: Moment & Pick<PolicySnapshot, 'mode' | 'decisions'>,
  door: Door,
  paths: readonly { readonly path: string }[],
): void {
  if (decisions.log === 'off') return
  const asker = askerAbove()
  const common = { door, asker, outcome: 'trusted', letIn: true, ground: LEDGER, policy, mode } as const
  for (const { path } of paths)
    appendLine(state, place => printDecision(place, { ...common, path }), {
      isDurable: false,
      onlyIfQuick: true,
    })
}
