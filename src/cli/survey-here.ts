/** Judges what this machine uses, for `nixsig status` and `nixsig enforce`. */
import { readLetIn } from '../ledger/let-in.ts'
import type { Survey } from '../status/survey.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { openProgressHere } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'

/** What the survey was of, and what it found. */
export interface Surveyed {
  readonly roots: number
  readonly survey: Survey
}

/**
 * `patience` in milliseconds. Shows how far it is on a terminal. Rejects where the store does not
 * answer.
 */
export async function surveyHere(inquiry: Inquiry, terminal: Terminal, patience: number): Promise<Surveyed> {
  const [{ pathsInUse }, { survey }] = await Promise.all([
    import('../status/in-use.ts'),
    import('../status/survey.ts'),
  ])
  const progress = openProgressHere(terminal)
  const end = performance.now() + patience
  // A quarter of the time at most, so that the systems are judged whatever roots there are.
  const roots = pathsInUse(performance.now() + patience / 4)
  const found = await survey(inquiry, {
    roots,
    letIn: readLetIn(inquiry.places.state),
    end,
    onBegin: progress.begin,
    onJudged: progress.step,
  })
  return { roots: roots.systems.length + roots.paths.length, survey: found }
}
