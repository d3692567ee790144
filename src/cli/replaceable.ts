import { lstatSync } from 'node:fs'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

/**
 * Throws UsageError if there is something else than a file where an option says that one is to be
 * written: root would replace /dev/null itself, and a link in place of what it leads to.
 */
export function assertReplaceable(option: string, file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === false)
    throw new UsageError(`${option} ${printable(file)}: there is something else than a file`)
}
