import type { Verdict } from '../policy/verdict.ts'
import { grounds, paragraph } from '../policy/wording.ts'
import type { Paint, Terminal } from './terminal.ts'

/** Prints a verdict in several lines and what to do next. */
export function sayVerdict(terminal: Terminal, verdict: Verdict): void {
  say(terminal, verdict, paragraph(verdict))
}

/** Prints a verdict and what it rests on. */
export function sayGroundsOf(terminal: Terminal, verdict: Verdict): void {
  say(terminal, verdict, grounds(verdict))
}

/** The first word says it all, and has the colour of the outcome. */
function say(terminal: Terminal, verdict: Verdict, text: string): void {
  const [first = '', ...rest] = text.split(' ')
  const kind = verdict.outcome === 'trusted' ? 'plain' : 'refusal'
  terminal.print([paintFor(terminal, verdict)(first), ...rest].join(' '), kind)
}

function paintFor(terminal: Terminal, { outcome }: Verdict): Paint {
  if (outcome === 'trusted') return terminal.good
  return outcome === 'untrusted' ? terminal.bad : terminal.doubtful
}
