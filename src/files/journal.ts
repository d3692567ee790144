/**
 * Priorities of lines in the journal (sd-daemon(3)): `<4>` in front of a line, which systemd takes
 * off again.
 */
import { fstatSync } from 'node:fs'

export type Priority = 'error' | 'warning' | 'info'

/** As in syslog(3). */
const NUMBERS: Readonly<Record<Priority, number>> = { error: 3, warning: 4, info: 6 }

/**
 * What to write in front of a line to a standard stream: the priority if the journal reads that
 * stream (JOURNAL_STREAM, systemd.exec(5)), otherwise nothing.
 */
export function journalPrefix(
  priority: Priority,
  stream: 1 | 2,
  said: string | undefined = process.env['JOURNAL_STREAM'],
): string {
  return said !== undefined && said === identityOf(stream) ? `<${NUMBERS[priority]}>` : ''
}

function identityOf(stream: number): string | undefined {
  try {
    const { dev, ino } = fstatSync(stream, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}
