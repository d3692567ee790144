/** An audit as JSON: docs/schemas/audit.schema.json. */
import { jsonLine } from '../explain/verdict-json.ts'
import type { Audit } from './audit.ts'

/** What the JSON of an audit begins with. */
export const AUDIT_FORMAT = 'nixsig-audit-1'

/** One line of printable ASCII; every field is there, null for what is undefined. */
export function auditJson(audit: Audit): string {
  return jsonLine({ format: AUDIT_FORMAT, ...(snake(audit) as object) })
}

/** The same with names in snake_case. */
function snake(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(snake)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [snakeName(name), snake(one)]))
}

function snakeName(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
