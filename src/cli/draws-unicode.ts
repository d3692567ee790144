/**
 * Whether a terminal shows characters beyond ASCII, as the locale says (POSIX: LC_ALL, then
 * LC_CTYPE, then LANG).
 */
export function drawsUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /\butf-?8\b/i.test(locale) && env['TERM'] !== 'dumb'
}
