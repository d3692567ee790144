import { lstatSync } from 'node:fs'

/** The list of programs that run after a build that passed: src/formats/after-build-programs.ts. */
export const AFTER_BUILD = '/etc/nixsig/after-build'

/** Whether there is such a list; a link that leads nowhere counts, and is an error later. */
export function hasAfterBuild(): boolean {
  return lstatSync(AFTER_BUILD, { throwIfNoEntry: false }) !== undefined
}
