import type { Policy } from '../policy/policy.ts'
import type { Verdict } from '../policy/verdict.ts'
import { grounds, paragraph } from '../policy/wording.ts'
import type { Paint, Terminal } from './terminal.ts'

type Outcome = Verdict['outcome']

/** Prints a verdict in several lines and what to do next. */
export function sayVerdict(terminal: Terminal, verdict: Verdict, mode?: Policy['mode']): void {
  sayGrounds(terminal, paragraph(verdict, mode), verdict.outcome)
}

/** Prints a verdict and what it rests on. */
export function sayGroundsOf(terminal: Terminal, verdict: Verdict): void {
  sayGrounds(terminal, grounds(verdict), verdict.outcome)
}

/** Prints a verdict that is in words already. The first word says it all, and has its colour. */
export function sayGrounds(terminal: Terminal, text: string, outcome: Outcome): void {
  const [, first = '', rest = ''] = /^((?:would be )?\S+)(.*)$/s.exec(text) ?? []
  const kind = outcome === 'trusted' && first === 'trusted' ? 'plain' : 'refusal'
  const paint = kind === 'plain' ? terminal.good : paintFor(terminal, outcome)
  terminal.print(`${paint(first)}${rest}`, kind)
}

function paintFor(terminal: Terminal, outcome: Outcome): Paint {
  return outcome === 'untrusted' ? terminal.bad : terminal.doubtful
}
