/** What `nixsig fleet report` prints. */
import type { Fleet } from '../fleet/fleet.ts'
import { endLines, headlineOf, keyLines, machineRows, type Section, sectionsOf } from '../fleet/words.ts'
import { joined, layOut, outputWidth } from './columns.ts'
import type { Terminal } from './terminal.ts'

/** Items of one kind, keys and ends. */
const ITEMS = 20
const KEYS = 5

/** Prints everything, differences first. */
export function sayFleet(terminal: Terminal, fleet: Fleet): void {
  terminal.print(terminal.strong(headlineOf(fleet)))
  for (const section of sectionsOf(fleet)) saySection(terminal, section)
  terminal.print(`\n${terminal.strong('Machines')}`)
  for (const row of layOut(machineRows(fleet), outputWidth())) {
    for (const line of row) terminal.print(`  ${joined(line)}`)
  }
  sayLines(terminal, 'Keys that most rests on', keyLines(fleet, KEYS), fleet.keys.length)
  sayLines(terminal, 'What ends soon', endLines(fleet, KEYS), fleet.ends.length)
}

function saySection(terminal: Terminal, { title, next, items }: Section): void {
  terminal.print(`\n${terminal.bad(title)} (${items.length})`, 'refusal')
  for (const { text, details } of items.slice(0, ITEMS)) {
    terminal.print(`  ${text}`)
    for (const detail of details) terminal.print(terminal.faint(`    ${detail}`))
  }
  sayMore(terminal, items.length, ITEMS)
  terminal.print(`  next: ${next}`)
}

function sayLines(terminal: Terminal, title: string, lines: readonly string[], count: number): void {
  if (lines.length === 0) return
  terminal.print(`\n${terminal.strong(title)}`)
  for (const line of lines) terminal.print(`  ${line}`)
  sayMore(terminal, count, lines.length)
}

function sayMore(terminal: Terminal, count: number, shown: number): void {
  if (count > shown) terminal.print(`  and ${count - shown} more: --json has them all`)
}
