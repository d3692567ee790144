/** Commands that look after this machine's decision log, as the store plugin only writes lines. */
import { keepInOrder } from '../decisions/keep-order.ts'
import type { DecisionSettings } from '../policy/policy.ts'
import { logIn } from '../verifier/decided.ts'
import { DEFAULT_PLACES } from '../verifier/places.ts'
import { readPolicy } from './policy-argument.ts'
import type { Terminal } from './terminal.ts'

/**
 * Folds, signs and bounds the log of this machine, as its own policy says, where root calls. A log in
 * a directory that the caller names may be evidence, and stays as it is. What goes wrong is told.
 */
export function lookAfterOwnLog(state: string, { note }: Pick<Terminal, 'note'>): void {
  if (process.geteuid?.() !== 0) return
  const settings = ownLogSettings(state)
  const why = settings && keepInOrder(logIn(state, settings), 'at once')
  if (why !== undefined)
    note(`warning: the decision log is written, and could not be kept in order: ${why}; next: nixsig doctor`)
}

/**
 * What this machine's own policy says of its log; undefined without a policy that can be read, and for
 * a log in another directory, which is perhaps another machine's.
 */
export function ownLogSettings(state: string): DecisionSettings | undefined {
  if (state !== DEFAULT_PLACES.state) return undefined
  try {
    return readPolicy(DEFAULT_PLACES.policy, true, DEFAULT_PLACES.state).decisions
  } catch {
    return undefined
  }
}
