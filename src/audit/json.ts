/** Prints an audit as JSON: docs/schemas/audit.schema.json. */
import { inSnakeCase } from '../formats/json/snake-case.ts'
import type { Audit } from './audit.ts'

/** What the JSON of an audit begins with. */
export const AUDIT_FORMAT = 'nixsig-audit-1'

/**
 * One line of printable ASCII, without its end. Fields have the names of Audit in snake_case, and
 * undefined is null. parseAudit() gives the audit back, without `more`: fields that are added to
 * those of the audit, in the same way.
 */
export function auditJson(audit: Audit, more: object = {}): string {
  const text = JSON.stringify({ format: AUDIT_FORMAT, ...(inSnakeCase({ ...audit, ...more }) as object) })
  if (!BEYOND_ASCII.test(text)) return text
  return text.replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const BEYOND_ASCII = /[^\x20-\x7e]/
