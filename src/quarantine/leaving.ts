/**
 * The paths that are being taken out of the store right now: empty files
 * `<state>/leaving/<digest>`, in a directory that only exists meanwhile. The store plugin lets
 * nothing refer to these paths (nix/plugin/leaving.c); otherwise somebody could go on making such
 * references for ever.
 */
import { lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseStorePath } from '../formats/nix/store-path.ts'

function leavingDirectory(state: string): string {
  return join(state, 'leaving')
}

/** Marks store paths. If no mark can be made, the paths leave without one. */
export function markLeaving(state: string, paths: readonly string[]): void {
  const directory = leavingDirectory(state)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const path of paths) writeFileSync(join(directory, parseStorePath(path).digest), '', { mode: 0o600 })
  } catch {
    return
  }
}

/** Removes all marks, including those of killed processes. */
export function unmarkLeaving(state: string): void {
  rmSync(leavingDirectory(state), { recursive: true, force: true })
}

/** Whether any path is marked. */
export function isAnyLeaving(state: string): boolean {
  return lstatSync(leavingDirectory(state), { throwIfNoEntry: false }) !== undefined
}
