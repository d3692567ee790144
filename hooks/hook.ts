/**
 * The one bundle behind both hooks. The name that it is called by tells which hook it is. Under any
 * other name it refuses, because the question is unknown.
 */
import { basename } from 'node:path'
import { hasAfterBuild } from './after-build-file.ts'
import { refuseInTime, refuseUnlessAnswered } from './fail-closed.ts'
import type { Hook } from './hook-type.ts'
import { postBuildHook } from './post-build-hook.ts'
import { preBuildHook } from './pre-build-hook.ts'
import { sayRefused } from './say.ts'

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
  const timer = refuseInTime(hook.derivation)
  try {
    return await hook.judge()
  } catch (error) {
    sayRefused(`: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What runs after a build that passed, if root wants that; returns the exit status. `then` as the
 * argument of the post-build hook says that the thin hook has the answer already.
 */
async function afterwards(status: number, { derivation }: Hook): Promise<number> {
  if (status !== 0 || name !== 'post-build-hook' || !hasAfterBuild()) return status
  return (await import('./run-after-build.ts')).runAfterBuild(derivation)
}

const name = basename(process.argv[1] ?? '')
const hook = hookOf(name)
if (hook === undefined) {
  sayRefused(`: called as "${name}", which is neither pre-build-hook nor post-build-hook`)
  process.exit(1)
}
const isAnswered = (name === 'post-build-hook' && process.argv[2] === 'then') || admits(hook)
if (isAnswered && !(name === 'post-build-hook' && hasAfterBuild())) process.exit(0)
refuseUnlessAnswered(` ${hook.derivation}`)
const answer = isAnswered ? Promise.resolve(0) : judge(hook)
answer.then(status => afterwards(status, hook)).then(process.exit)
