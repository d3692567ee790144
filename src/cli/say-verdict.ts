import type { Verdict } from '../policy/verdict.ts'
import { paragraph } from '../policy/wording.ts'
import type { Paint, Terminal } from './terminal.ts'

/** Prints a verdict in several lines; its first word, which says it all, has the colour of the outcome. */
export function sayVerdict(terminal: Terminal, verdict: Verdict): void {
  const [first = '', ...rest] = paragraph(verdict).split(' ')
  terminal.print([paintFor(terminal, verdict)(first), ...rest].join(' '))
}

function paintFor(terminal: Terminal, { outcome }: Verdict): Paint {
  if (outcome === 'trusted') return terminal.good
  return outcome === 'untrusted' ? terminal.bad : terminal.doubtful
}
