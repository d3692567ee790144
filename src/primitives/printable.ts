/**
 * Makes text from outside safe for a terminal, a log or a page. Control characters, line and
 * paragraph separators, bidirectional overrides, invisible format characters and unpaired
 * surrogates become visible `\u{…}` escapes; backslashes are doubled. Text of more than `limit`
 * UTF-16 units is cut and ends with `…`.
 */
export function printable(text: string, limit = 400): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text
  return cut.replace(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu, character =>
    character === '\\' ? '\\\\' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/**
 * The same of text that was escaped when it was written, perhaps by somebody else: its backslashes
 * stay as they are, and nothing else that has to be escaped gets through.
 */
export function printableAgain(escaped: string, limit = 400): string {
  const cut = escaped.length > limit ? `${escaped.slice(0, limit)}…` : escaped
  return cut
    .split('\\')
    .map(part => printable(part, part.length))
    .join('\\')
}

/** What a program printed, in one line: its lines are joined by `; `, and pass printable(). */
export function inOneLine(text: string, limit = 400): string {
  const lines = text.split(/[\r\n]+/).map(line => line.trim())
  return printable(lines.filter(line => line !== '').join('; '), limit)
}
