import { logErrors } from '../decisions/health.ts'
import { counted } from '../primitives/counted.ts'
import { about, closed, type Finding, notApplicable, open, warning } from './door.ts'
import type { Facts } from './facts.ts'

/**
 * Whether the decision log can be written, and is folded and signed, and its end holds together. Where
 * the policy does not make it a condition, nothing stays out or comes in because of it.
 */
export function decisionLog({ log }: Facts): Finding {
  return about(log, health => {
    if (health === undefined) return notApplicable('the policy keeps none ([decisions] keep = false)')
    const [first, ...others] = health.problems
    if (first === undefined)
      return closed(
        health.lines === 0 ? 'no decision yet' : `${counted(health.lines, 'line')}, and its end is whole`,
      )
    const detail = [first, ...others].map(one => one.detail).join('; ')
    const state = logErrors(health).length > 0 ? open : warning
    return state(detail, first.next)
  })
}
