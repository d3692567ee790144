/**
 * The one bundle behind both hooks: told apart by the name that it was called by. Under any other name it refuses, for
 * nobody knows then which question was asked.
 */
import { basename } from 'node:path'
import { say } from './say.ts'

const name = basename(process.argv[1] ?? '')
const argument = process.argv[2] ?? ''

/** Later than this is never: Nix waits for its hooks without an end of its own. */
const DEADLINE_MS = 30 * 60 * 1000

async function main(): Promise<number> {
  if (name === 'pre-build-hook') return (await import('./pre-build-hook.ts')).preBuildHook(argument)
  if (name === 'post-build-hook') {
    // The one thing that Nix passes in the environment.
    return (await import('./post-build-hook.ts')).postBuildHook(process.env['DRV_PATH'] ?? '')
  }
  say(`called as "${name}", which is neither pre-build-hook nor post-build-hook`)
  return 1
}

setTimeout(() => {
  say(`refused: no verdict after ${DEADLINE_MS / 60_000} minutes`)
  process.exit(1)
}, DEADLINE_MS).unref()

main().then(
  status => process.exit(status),
  error => {
    say(`refused: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
