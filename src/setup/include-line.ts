/**
 * The two lines that setup adds to the end of nix.conf. Texts are Latin-1 here, so that all bytes
 * of a file are preserved.
 */

const COMMENT =
  '# Put here by "nixsig setup", taken away by "nixsig unsetup". What stands last wins: leave it at the end.'

/** nix.conf with those lines at its end and nowhere else. */
export function withInclude(text: string, included: string): string {
  const rest = withoutInclude(text, included)
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n'
  return `${rest}${gap}${COMMENT}\ninclude ${included}\n`
}

/** nix.conf without those lines, even where an editor moved them. */
export function withoutInclude(text: string, included: string): string {
  return text.replace(blockOf(included), '')
}

/** Whether those lines are there. */
export function hasInclude(text: string, included: string): boolean {
  return text.search(blockOf(included)) >= 0
}

function blockOf(included: string): RegExp {
  const [comment, file] = [COMMENT, included].map(part => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${comment}\\r?\\ninclude ${file}\\r?(?:\\n|$(?![^]))`, 'gm')
}
