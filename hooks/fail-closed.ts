/** Whatever keeps a hook from an answer is a refusal, and says so. */
import { sayRefused } from './say.ts'

/** Gives up after this long; Nix would wait forever. */
const DEADLINE_MS = 30 * 60 * 1000

/** Refuses if there is no verdict on a derivation in time. Clear it when there is one. */
export function refuseInTime(derivation: string): NodeJS.Timeout {
  return setTimeout(() => {
    sayRefused(` ${derivation}: no verdict after ${DEADLINE_MS / 60_000} minutes`)
    process.exit(1)
  }, DEADLINE_MS).unref()
}

/** Makes each end of this process that is not planned a refusal. `about` begins with a space. */
export function refuseUnlessAnswered(about = ''): void {
  // If the event loop runs empty before an answer, Node exits with this status and not with
  // success.
  process.exitCode = 1
  process.once('beforeExit', () => sayRefused(`${about}: no verdict: an answer never came`))
  // An error that nobody waits for is a refusal too, with its reason and without a stack trace.
  process.once('uncaughtException', error => {
    sayRefused(`${about}: ${error.message}`)
    process.exit(1)
  })
}
