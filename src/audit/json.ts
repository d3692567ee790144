/** Prints an audit as JSON: docs/schemas/audit.schema.json. */
import { snakeCase } from '../formats/json/reader.ts'
import type { Audit } from './audit.ts'

/** What the JSON of an audit begins with. */
export const AUDIT_FORMAT = 'nixsig-audit-1'

/**
 * One line of printable ASCII, without its end. Fields have the names of Audit in snake_case, and
 * undefined is null. parseAudit() gives the audit back, without `more`: fields that are added to
 * those of the audit, in the same way.
 */
export function auditJson(audit: Audit, more: object = {}): string {
  return JSON.stringify({ format: AUDIT_FORMAT, ...(printed({ ...audit, ...more }) as object) }).replace(
    /[^\x20-\x7e]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function printed(value: unknown): unknown {
  if (value === undefined) return null
  // Half a pair of surrogates is no text, and no strict reader takes it.
  if (typeof value === 'string') return value.replace(/\p{Surrogate}/gu, '\ufffd')
  if (Array.isArray(value)) return value.map(printed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [nameOf(name), printed(field)]))
}

/** There are few names and many fields. */
const names = new Map<string, string>()

function nameOf(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const printed = snakeCase(name)
  names.set(name, printed)
  return printed
}
