/**
 * The one bundle behind both hooks: told apart by the name that it was called by. Under any other name it refuses, for
 * nobody knows then which question was asked.
 */
import { basename } from 'node:path'
import { postBuildHook } from './post-build-hook.ts'
import { preBuildHook } from './pre-build-hook.ts'
import type { Hook } from './question.ts'
import { sayRefused } from './say.ts'

/** Later than this is never: Nix waits for its hooks without an end of its own. */
const DEADLINE_MS = 30 * 60 * 1000

function hookOf(name: string): Hook | undefined {
  if (name === 'pre-build-hook') return preBuildHook(process.argv[2] ?? '')
  // The one thing that Nix passes in the environment.
  if (name === 'post-build-hook') return postBuildHook(process.env['DRV_PATH'] ?? '')
  return undefined
}

function admits(hook: Hook): boolean {
  try {
    return hook.admits()
  } catch {
    // Judging meets the same obstacle, and says what it is.
    return false
  }
}

async function judge(hook: Hook): Promise<number> {
  setTimeout(() => {
    sayRefused(` ${hook.derivation}: no verdict after ${DEADLINE_MS / 60_000} minutes`)
    process.exit(1)
  }, DEADLINE_MS).unref()
  try {
    return await hook.judge()
  } catch (error) {
    sayRefused(`: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

const name = basename(process.argv[1] ?? '')
const hook = hookOf(name)
if (hook === undefined) {
  sayRefused(`: called as "${name}", which is neither pre-build-hook nor post-build-hook`)
  process.exit(1)
}
if (admits(hook)) process.exit(0)
// Should nothing be left to wait for although no verdict came, Node ends with this and not with a yes.
process.exitCode = 1
process.once('beforeExit', () => sayRefused(` ${hook.derivation}: no verdict: an answer never came`))
judge(hook).then(process.exit)
