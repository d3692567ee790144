import type { Terminal } from './terminal.ts'

/** Prints lines under a heading; nothing for no lines. */
export function saySection(terminal: Terminal, title: string, lines: readonly string[]): void {
  if (lines.length === 0) return
  terminal.print([`${terminal.strong(title)}:`, ...lines.map(line => `  ${line}`)].join('\n'))
}
