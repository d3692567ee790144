/** The doctor's findings. src/doctor/wording.ts has the fixed messages. */

/**
 * `closed`: nothing comes in through it unjudged. `not applicable`: this machine has no such door.
 * `unknown`: it could not be determined, which is no better than open. `warning`: Nix itself may
 * have a vulnerability that neither nixsig nor a setting can remove, or the policy accepts the
 * hole.
 */
export type State = 'closed' | 'open' | 'unknown' | 'warning' | 'not applicable'

/** The state of one door, and what was seen, as a sentence without a full stop. Safe to print. */
export interface Finding {
  readonly state: State
  readonly detail: string
  /** What to do about it, where that differs from the door's usual remedy. */
  readonly remedy?: string
}

/** A fact, or why it could not be determined. The reason is safe to print. */
export type Learned<T> = { readonly value: T } | { readonly problem: string }

/** From the worst to the best. */
const SEVERITY: readonly State[] = ['open', 'unknown', 'warning', 'closed', 'not applicable']

export const closed = (detail: string): Finding => ({ state: 'closed', detail })
export const unknown = (detail: string): Finding => ({ state: 'unknown', detail })
export const notApplicable = (detail: string): Finding => ({ state: 'not applicable', detail })

export function open(detail: string, remedy?: string): Finding {
  return { state: 'open', detail, ...(remedy === undefined ? {} : { remedy }) }
}

export function warning(detail: string, remedy?: string): Finding {
  return { state: 'warning', detail, ...(remedy === undefined ? {} : { remedy }) }
}

/** Judges a fact; a fact that could not be determined makes the door `unknown`. */
export function about<T>(learned: Learned<T>, judge: (value: T) => Finding): Finding {
  return 'problem' in learned ? unknown(learned.problem) : judge(learned.value)
}

/** The fact; undefined if it could not be determined. */
export function known<T>(learned: Learned<T>): T | undefined {
  return 'problem' in learned ? undefined : learned.value
}

/** Whether something may come in through the door unjudged. */
export function isHole({ state }: Pick<Finding, 'state'>): boolean {
  return state === 'open' || state === 'unknown'
}

/**
 * The worst of several findings about one door. Details of other findings with the same state are
 * added, each once.
 */
export function worst(findings: readonly [Finding, ...Finding[]]): Finding {
  const state = SEVERITY.find(candidate => findings.some(finding => finding.state === candidate)) ?? 'unknown'
  const those = findings.filter(finding => finding.state === state)
  const details = [...new Set(those.map(finding => finding.detail))]
  const remedy = those.find(finding => finding.remedy !== undefined)?.remedy
  return { state, detail: details.join('; '), ...(remedy === undefined ? {} : { remedy }) }
}
