/**
 * The two lines at the end of root's own nix.conf, which name the build-hook again. Nix 2.25 to 2.33 puts its own program
 * in place of what /etc/nix/nix.conf says (NixOS/nix#15083), and leaves alone what a user's file says. Root's file is read
 * by the daemon as well as by commands of root that open the store themselves. Texts are Latin-1.
 */

import { FORGETS_BUILD_HOOK, rangeText } from '../formats/nix/nix-version.ts'

const COMMENT = `# Put here by "nixsig setup", taken away by "nixsig unsetup". Nix ${rangeText(FORGETS_BUILD_HOOK)} forgets what nix.conf says of this.`

const BLOCK = new RegExp(
  `^${COMMENT.replace(/[.()]/g, '\\$&')}\\r?\\nbuild-hook = [^\\r\\n]*\\r?(?:\\n|$(?![^]))`,
  'gm',
)

/** The file with those lines at its end, and nowhere else. */
export function withBuildHook(text: string, hook: string): string {
  const rest = withoutBuildHook(text)
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n'
  return `${rest}${gap}${COMMENT}\nbuild-hook = ${hook}\n`
}

/** The file without those lines, wherever an editor moved them and whatever program they name. */
export function withoutBuildHook(text: string): string {
  return text.replace(BLOCK, '')
}

/** Whether those lines are there. */
export function hasBuildHook(text: string): boolean {
  return text.search(BLOCK) >= 0
}
