/** An audit in words. */
import type { Audit, AuditedPath } from '../audit/audit.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

/** Prints what was found, the worst first. */
export function sayAudit(terminal: Terminal, audit: Audit): void {
  const closure = audit.paths.filter(({ part }) => part === 'closure')
  const trusted = closure.filter(({ outcome }) => outcome === 'trusted').length
  terminal.print(`${trusted} of ${counted(closure.length, 'path')} trusted`)
  sayGroups(terminal, audit)
}

function sayGroups(terminal: Terminal, { groups, paths }: Audit): void {
  for (const { title, next, paths: own } of groups) {
    terminal.print(`\n${terminal.strong(title)} (${own.length}):`)
    for (const place of own.slice(0, 5)) terminal.print(`  ${nameOf(paths[place])}`)
    terminal.print(`  next: ${next}`)
  }
}

function nameOf(path: AuditedPath | undefined): string {
  return printable(path?.path ?? '')
}
