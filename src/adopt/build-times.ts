import { lstatSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Where Nix keeps the logs of builds. */
const LOGS = '/nix/var/log/nix/drvs'
/** A longer time is not that of one build: the log was written twice. */
const LONGEST = 7 * 86_400

/**
 * How many seconds the last build of a derivation on this machine took: its log was begun and
 * written to so far apart. Undefined if there is no log.
 */
export function buildSeconds(derivation: string, logs = LOGS): number | undefined {
  const name = basename(derivation)
  for (const ending of ['.bz2', '']) {
    const file = join(logs, name.slice(0, 2), `${name.slice(2)}${ending}`)
    const status = lstatSync(file, { throwIfNoEntry: false })
    if (status === undefined || !status.isFile()) continue
    const seconds = (status.mtimeMs - status.birthtimeMs) / 1000
    if (seconds >= 0 && seconds <= LONGEST) return seconds
  }
  return undefined
}
