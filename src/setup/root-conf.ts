/**
 * The two lines that setup adds to the end of root's own nix.conf, which name the build-hook again.
 * Nix 2.25 to 2.33 replaces the build-hook of /etc/nix/nix.conf with its own program
 * (NixOS/nix#15083), but keeps that of a user's file. The daemon reads root's file, and so do
 * root's commands that open the store themselves. Texts are Latin-1.
 */

import { FORGETS_BUILD_HOOK, rangeText } from '../formats/nix/nix-version.ts'

const COMMENT = `# Put here by "nixsig setup", taken away by "nixsig unsetup". Nix ${rangeText(FORGETS_BUILD_HOOK)} forgets what nix.conf says of this.`

const BLOCK = new RegExp(
  `^${COMMENT.replace(/[.()]/g, '\\$&')}\\r?\\nbuild-hook = [^\\r\\n]*\\r?(?:\\n|$(?![^]))`,
  'gm',
)

/** The file with those lines at its end and nowhere else. */
export function withBuildHook(text: string, hook: string): string {
  const rest = withoutBuildHook(text)
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n'
  return `${rest}${gap}${COMMENT}\nbuild-hook = ${hook}\n`
}

/** The file without those lines, even where an editor moved them, whatever program they name. */
export function withoutBuildHook(text: string): string {
  return text.replace(BLOCK, '')
}

/** Whether those lines are there. */
export function hasBuildHook(text: string): boolean {
  return text.search(BLOCK) >= 0
}
