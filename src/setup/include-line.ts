/**
 * The two lines that setup adds to the end of nix.conf. Texts are Latin-1 here, so that all bytes
 * of a file are preserved.
 */

const COMMENT =
  '# Put here by "nixsig setup", taken away by "nixsig unsetup": leave it at the end. If nixsig is gone and Nix fails, delete these two lines and restart nix-daemon.'

/** Lines that earlier versions wrote in place of that one. */
const EARLIER = [
  '# Put here by "nixsig setup", taken away by "nixsig unsetup". What stands last wins: leave it at the end.',
]

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
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const [comment, file] = [[COMMENT, ...EARLIER].map(literal).join('|'), literal(included)]
  return new RegExp(`^(?:${comment})\\r?\\ninclude ${file}\\r?(?:\\n|$(?![^]))`, 'gm')
}
