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
  const text = JSON.stringify({ format: AUDIT_FORMAT, ...(printed({ ...audit, ...more }) as object) })
  if (!BEYOND_ASCII.test(text)) return text
  return text.replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const BEYOND_ASCII = /[^\x20-\x7e]/
const SURROGATE = /[\ud800-\udfff]/

/** Written for speed: there are a million values. */
function printed(value: unknown): unknown {
  if (value === undefined) return null
  // Half a pair of surrogates is no text, and no strict reader takes it.
  if (typeof value === 'string')
    return SURROGATE.test(value) ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return value.length > 0 && typeof value[0] === 'number' ? value : value.map(printed)
  const fields: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) fields[nameOf(name)] = printed(field)
  return fields
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
