/**
 * The text of nix.conf (Nix manual, "nix.conf"): a line sets one setting or includes another file,
 * and `#` begins a comment anywhere in a line. Pure. `nix config show` and the variable NIX_CONFIG
 * use the same grammar.
 */

/** A line of nix.conf that is not blank; `line` is its number, from 1. */
export type ConfLine =
  | { readonly kind: 'setting'; readonly line: number; readonly name: string; readonly value: string }
  | { readonly kind: 'include'; readonly line: number; readonly file: string; readonly mayBeMissing: boolean }
  /** A line for which Nix rejects the whole configuration. */
  | { readonly kind: 'malformed'; readonly line: number }

const BLANK = /[ \t\r]+/

/**
 * The lines that are not blank, in order, numbered from 1. A value has single spaces between its
 * words.
 */
export function parseConf(text: string): readonly ConfLine[] {
  return text.split('\n').flatMap((content, index) => {
    const words = (content.split('#', 1)[0] ?? '').split(BLANK).filter(word => word !== '')
    return words.length === 0 ? [] : [lineOf(words, index + 1)]
  })
}

function lineOf(words: readonly string[], line: number): ConfLine {
  const [first = '', second, ...rest] = words
  if (first === 'include' || first === '!include') {
    if (second === undefined || rest.length > 0) return { kind: 'malformed', line }
    return { kind: 'include', line, file: second, mayBeMissing: first === '!include' }
  }
  if (second !== '=') return { kind: 'malformed', line }
  return { kind: 'setting', line, name: first, value: rest.join(' ') }
}
