/**
 * The one bundle behind both hooks. The name that it is called by tells which hook it is. Under any
 * other name it refuses, because the question is unknown.
 */
import { basename } from 'node:path'
import type { Hook } from './hook-type.ts'
import { postBuildHook } from './post-build-hook.ts'
import { preBuildHook } from './pre-build-hook.ts'
import { sayRefused } from './say.ts'

/** Gives up after this long; Nix would wait forever. */
const DEADLINE_MS = 30 * 60 * 1000

function hookOf(name: string): Hook | undefined {
  if (name === 'pre-build-hook') return preBuildHook(process.argv[2] ?? '')
  // Nix passes the derivation in the environment.
  if (name === 'post-build-hook') return postBuildHook(process.env['DRV_PATH'] ?? '')
  return undefined
}

function admits(hook: Hook): boolean {
  try {
    return hook.admits()
  } catch {
    // Judging meets the same problem, and reports it.
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
// If the event loop runs empty before a verdict, Node exits with this status and not with success.
process.exitCode = 1
process.once('beforeExit', () => sayRefused(` ${hook.derivation}: no verdict: an answer never came`))
// An error that nobody waits for is a refusal too, with its reason and without a stack trace.
process.once('uncaughtException', error => {
  sayRefused(` ${hook.derivation}: ${error.message}`)
  process.exit(1)
})
judge(hook).then(process.exit)
