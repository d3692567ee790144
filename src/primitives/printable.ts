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

/** What a program printed, in one line: its lines are joined by `; `, and pass printable(). */
export function inOneLine(text: string, limit = 400): string {
  const lines = text.split(/[\r\n]+/).map(line => line.trim())
  return printable(lines.filter(line => line !== '').join('; '), limit)
}
