/** How a keeper's directory stands, in words and as JSON. */
import { printTimestamp } from '../formats/timestamp.ts'
import type { Change } from '../lists/keep/changes.ts'
import type { Report, RoleReport } from '../lists/keep/report.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

const CHANGES_SHOWN = 200
/** What stands before a change. */
export const SIGN = { added: '+', removed: '-', changed: '~' } as const

/** Says what changed against what was published. */
export function sayChanges(terminal: Terminal, { changes }: Report): void {
  for (const [part, list] of changes) {
    terminal.print(terminal.strong(`changes of ${printable(part)}`))
    for (const change of list.slice(0, CHANGES_SHOWN)) terminal.print(`  ${wordsOf(change)}`)
    if (list.length > CHANGES_SHOWN) terminal.print(`  and ${list.length - CHANGES_SHOWN} more`)
  }
  if (changes.size === 0) terminal.print('nothing changed in what the list says')
}

/** Says of each role what was published, what is pending, and who still has to sign. */
export function sayRoles(terminal: Terminal, { roles }: Report, now: number): void {
  for (const role of roles) {
    terminal.print(terminal.strong(role.role))
    for (const line of linesOf(role, now)) terminal.print(`  ${line}`)
  }
}

/** The same for programs. */
export function reportJson({ name, fingerprint, roles, changes }: Report): Record<string, unknown> {
  return {
    name,
    ...(fingerprint !== undefined && { fingerprint }),
    roles: roles.map(({ role, published, pending }) => ({
      role,
      ...(published && { published: { version: published.version, ends: published.ends } }),
      ...(pending && {
        pending: {
          version: pending.version,
          ends: pending.ends,
          complete: pending.isComplete,
          needs: pending.needs,
          bad: pending.bad,
          strangers: pending.strangers,
        },
      }),
    })),
    changes: [...changes].flatMap(([part, list]) => list.map(change => ({ part, ...change }))),
  }
}

function wordsOf({ kind, what, says }: Change): string {
  return `${SIGN[kind]} ${printable(what, 200)}: ${printable(says, 1000)}`
}

function linesOf({ published, pending }: RoleReport, now: number): readonly string[] {
  const lines: string[] = []
  if (published !== undefined)
    lines.push(`published: version ${published.version}, ${endWords(published.ends, now)}`)
  if (pending === undefined) return lines
  lines.push(`pending: version ${pending.version}, ${endWords(pending.ends, now)}`)
  for (const { whose, threshold, signed, unsigned } of pending.needs) {
    const who = pending.needs.length > 1 ? ` of the ${whose} root's keepers` : ''
    const by = signed.length === 0 ? 'nobody' : signed.map(({ name }) => name).join(', ')
    lines.push(`  signed by ${by}: ${signed.length} of ${threshold} that are needed${who}`)
    if (signed.length < threshold)
      lines.push(`  can still sign: ${unsigned.map(({ name }) => name).join(', ')}`)
  }
  for (const { name } of pending.bad)
    lines.push(`  the signature of ${name} is over something else, and does not count`)
  for (const id of pending.strangers)
    lines.push(`  a signature by ${id.slice(0, 16)} does not count: nobody here has that key`)
  return lines
}

function endWords(ends: number, now: number): string {
  if (ends <= now) return `ended ${printTimestamp(ends)}`
  return `ends ${printTimestamp(ends)} (in ${counted(Math.floor((ends - now) / 86_400), 'day')})`
}
