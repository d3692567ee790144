/** Text that somebody would write to break a report, a page or a terminal. */
import type { Random } from '../../../fuzz/random.ts'

/** Each is harmless once it is escaped. */
export const HOSTILE: readonly string[] = [
  '</script><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '<!--',
  ']]>',
  '&amp;&#0;&lt;',
  '\u0000\u0001\u0008\u000b\u001f\u007f\u0085\u009b31m',
  '\u001b[2J\u001b]0;title\u0007',
  'a\r\nb\tc\u2028d\u2029e',
  '\u202eabc\u202d\u2066x\u2069\u200b\ufeff',
  'half a pair: \ud800 and \udfff',
  '\ufffe\uffff\ue000',
  '[words](https://example.org/) ![](x) {0} {{1}} %s %d',
  '__proto__',
  'constructor',
  'SPDXRef-DOCUMENT',
  'urn:cdx:00000000-0000-0000-0000-000000000000/1#x',
  '../../../etc/passwd',
  'file:///etc/passwd',
  "$(id) `id` ; rm -rf / ' \\",
  'क्षि é é 👩‍👩‍👧 ﷽',
  '',
  ' ',
]

/** One of them, by itself or in the middle of a text, or something very long. */
export function hostileText(random: Random, usual: string): string {
  if (random.oneIn(12)) return usual.padEnd(2_000 + random.below(20_000), random.pick(HOSTILE) || 'x')
  const text = random.pick(HOSTILE)
  return random.oneIn(2) ? text : `${usual}${text}${usual}`
}
