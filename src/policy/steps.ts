/** One step of advice, and how it is said to whom. Pure. */
import { BY_ADMINISTRATOR } from '../primitives/next-step.ts'

/** Who reads: root, or a user who cannot change this machine. */
export type Reader = 'root' | 'user'

/** One thing that can be done: an imperative without a capital, and who can do it. */
export interface Step {
  readonly text: string
  /** `root`: on this machine. `others`: people who sign, whom anybody may ask. */
  readonly by: 'anyone' | 'root' | 'others'
  /** In place of the step before it. */
  readonly isOtherWay?: true
}

/** A step as this reader is told it: what takes root's rights says whom to ask. */
export function stepWords({ text, by, isOtherWay }: Step, reader: Reader): string {
  const or = isOtherWay ? 'or ' : ''
  return by === 'root' && reader !== 'root' ? `${or}${BY_ADMINISTRATOR} ${text}` : `${or}${text}`
}

/** What everybody can do who reads it. */
export function anyone(text: string): Step {
  return { text, by: 'anyone' }
}

/** What somebody else can do. */
export function byOthers(text: string): Step {
  return { text, by: 'others' }
}

/** What takes root's rights on this machine. */
export function byRoot(text: string): Step {
  return { text, by: 'root' }
}

/** The step in place of the one before it. */
export function or(step: Step): Step {
  return { ...step, isOtherWay: true }
}
