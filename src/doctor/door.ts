/** What the doctor finds. src/doctor/wording.ts has the words that are the same every time. */

/**
 * `closed`: nothing comes in by it unjudged. `not applicable`: this machine has no such door. `unknown`: it could not be
 * found out, which is no better than open. `warning`: a fault of Nix itself may be there, about which neither nixsig nor
 * a setting can do more.
 */
export type State = 'closed' | 'open' | 'unknown' | 'warning' | 'not applicable'

/** Of one door: its state, and in a sentence without an end what was seen. Safe to print. */
export interface Finding {
  readonly state: State
  readonly detail: string
  /** What to do about it, where that is not what is always to be done about this door. */
  readonly remedy?: string
}

/** Something that had to be found out, or why that was not possible. The reason is safe to print. */
export type Learned<T> = { readonly value: T } | { readonly problem: string }

/** The worst first. */
const SEVERITY: readonly State[] = ['open', 'unknown', 'warning', 'closed', 'not applicable']

export const closed = (detail: string): Finding => ({ state: 'closed', detail })
export const unknown = (detail: string): Finding => ({ state: 'unknown', detail })
export const warning = (detail: string): Finding => ({ state: 'warning', detail })
export const notApplicable = (detail: string): Finding => ({ state: 'not applicable', detail })

export function open(detail: string, remedy?: string): Finding {
  return { state: 'open', detail, ...(remedy === undefined ? {} : { remedy }) }
}

/** What is said of something that may not have been found out. */
export function about<T>(learned: Learned<T>, judge: (value: T) => Finding): Finding {
  return 'problem' in learned ? unknown(learned.problem) : judge(learned.value)
}

/** What was learned; undefined if nothing was. */
export function known<T>(learned: Learned<T>): T | undefined {
  return 'problem' in learned ? undefined : learned.value
}

/** Whether something comes in by it unjudged, as far as is known. */
export function isHole({ state }: Pick<Finding, 'state'>): boolean {
  return state === 'open' || state === 'unknown'
}

/** The worst of several findings about one door; what others of the same state say is said as well, once. */
export function worst(findings: readonly [Finding, ...Finding[]]): Finding {
  const state = SEVERITY.find(candidate => findings.some(finding => finding.state === candidate)) ?? 'unknown'
  const those = findings.filter(finding => finding.state === state)
  const details = [...new Set(those.map(finding => finding.detail))]
  const remedy = those.find(finding => finding.remedy !== undefined)?.remedy
  return { state, detail: details.join('; '), ...(remedy === undefined ? {} : { remedy }) }
}
