import type { Attested } from '../packaging/attest/keep.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'
import { jsonLine } from './verdict-json.ts'

/** Says what was attested, and in which file it is. */
export function sayAttested(terminal: Terminal, { path, says, file, isNew }: Attested): void {
  const done = isNew ? terminal.good('attested') : 'attested before'
  terminal.print(`${done} ${path} (${says}) in ${printable(file)}`)
}

/** The same for a program: a line of JSON. */
export function sayAttestedJson(terminal: Terminal, { path, says, file, isNew }: Attested): void {
  terminal.print(jsonLine({ path, says, file, isNew }))
}
