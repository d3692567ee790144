/**
 * Returns a text in printable ASCII and line feeds alone, for readers that know no other
 * characters: the store plugin, the thin hooks, and Nix, which reads a hook's output byte by byte.
 * `—` becomes `-` and `…` becomes `...`; any other character becomes an escape like those of
 * printable(), such as `\u{e4}`. ASCII text is returned unchanged.
 */
export function asciiText(text: string): string {
  return text.replace(/[^\n -~]/gu, character => {
    if (character === '—') return '-'
    if (character === '…') return '...'
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}
