/**
 * Which paths are being taken out of the store right now: `<state>/leaving/<digest>`, empty files in a directory that is
 * there only as long. The store plugin lets nothing refer to these any more (nix/plugin/leaving.c), or whoever makes such
 * references could go on for ever.
 */
import { lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseStorePath } from '../formats/nix/store-path.ts'

function leavingDirectory(state: string): string {
  return join(state, 'leaving')
}

/** Marks store paths. Where no mark can be made, they leave without one. */
export function markLeaving(state: string, paths: readonly string[]): void {
  const directory = leavingDirectory(state)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const path of paths) writeFileSync(join(directory, parseStorePath(path).digest), '', { mode: 0o600 })
  } catch {
    return
  }
}

/** Takes away all marks, those of killed processes too. */
export function unmarkLeaving(state: string): void {
  rmSync(leavingDirectory(state), { recursive: true, force: true })
}

/** Whether any path is marked. */
export function isAnyLeaving(state: string): boolean {
  return lstatSync(leavingDirectory(state), { throwIfNoEntry: false }) !== undefined
}
