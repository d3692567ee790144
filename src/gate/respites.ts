import { respiteAt } from '../ledger/respite.ts'
import { when } from '../policy/words.ts'
import type { Log } from './log.ts'

/**
 * Logs that a respite is in force, now if there is one, and when it ends. `tell` checks again;
 * `stop` ends the timer.
 */
export function tellRespites(state: string, log: Log) {
  let timer: NodeJS.Timeout | undefined
  let isTold = false
  function tell(): void {
    clearTimeout(timer)
    const respite = respiteAt(state, Math.floor(Date.now() / 1000))
    if (respite === undefined) {
      if (isTold) log('warning', 'refuses again what is not trusted')
      isTold = false
      return
    }
    isTold = true
    log('warning', 'refuses nothing', { until: when(respite.until), reason: respite.reason })
    timer = setTimeout(tell, respite.until * 1000 - Date.now() + 100).unref()
  }
  tell()
  return { tell, stop: () => clearTimeout(timer) }
}
