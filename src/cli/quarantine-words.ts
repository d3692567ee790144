import { pathWord, when } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import type { QuarantineEntry } from '../quarantine/entry.ts'

/** References that are told; of others only the number. */
const TOLD = 20

/** One entry in a line of a list. */
export function entryLine(id: string, entry: QuarantineEntry | undefined): string {
  if (entry === undefined) return `${id}  was never written to its end: nixsig verify clears it away`
  return `${id}  ${pathWord(entry.path)}  ${printable(entry.outcome)}`
}

/** Everything about an entry. Its reason was escaped when it was written, and is escaped once more line by line. */
export function entryLines(
  id: string,
  entry: QuarantineEntry,
  content: string | undefined,
): readonly string[] {
  const { references } = entry
  const more = references.length > TOLD ? [`and ${references.length - TOLD} more`] : []
  return [
    `entry       ${id}`,
    `path        ${pathWord(entry.path)}`,
    `derivation  ${pathWord(entry.derivation)}`,
    `NAR hash    sha256:${printable(entry.narHash)} (${entry.narSize} bytes)`,
    `refused     ${when(entry.refused)}, ${printable(entry.outcome)}`,
    `content     ${content === undefined ? 'gone' : printable(content)}`,
    ...references.slice(0, TOLD).map(reference => `refers to   ${pathWord(reference)}`),
    ...more.map(line => `            ${line}`),
    'because:',
    ...entry.reason.split('\n').map(line => `  ${visible(line)}`),
  ]
}

/** Escapes what a terminal could act on; the backslashes of escapes that are there already stay single. */
function visible(line: string): string {
  return printable(line, 1000).replaceAll('\\\\', '\\')
}
