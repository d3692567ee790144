import type { Door } from './doors.ts'
import { remedyOf } from './wording.ts'

/**
 * All doors as `--json` prints them: one line of printable ASCII. Later versions may add fields and
 * doors. None is removed or changes its meaning, except `detail` and `remedy`, which are text for
 * people.
 */
export function doorsJson(doors: readonly Door[]): string {
  const count = (state: Door['state']) => doors.filter(door => door.state === state).length
  const report = {
    open: count('open'),
    unknown: count('unknown'),
    warning: count('warning'),
    doors: doors.map(({ door, ...finding }) => {
      const remedy = remedyOf(door, finding)
      return { door, state: finding.state, detail: finding.detail, ...(remedy === '' ? {} : { remedy }) }
    }),
  }
  return JSON.stringify(report).replace(
    /[^\x20-\x7e]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
