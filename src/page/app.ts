/** What the parts of the page share. */
import type { Model } from './model.ts'
import type { Selection } from './select.ts'
import type { State } from './state.ts'

export interface App {
  readonly model: Model
  readonly state: State
  readonly selection: Selection
  /** Changes what is looked at. A `step` is one that the browser's back button takes back. */
  readonly go: (change: Partial<State>, how: 'step' | 'quietly') => void
  /** Says something to those who listen. */
  readonly say: (text: string) => void
}
