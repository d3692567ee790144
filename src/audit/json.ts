/** Prints an audit as JSON: docs/schemas/audit.schema.json. */
import { inSnakeCase, snakeCase } from '../formats/json/snake-case.ts'
import type { Audit, AuditedClaim, AuditedPath } from './audit.ts'

/** What the JSON of an audit begins with. */
export const AUDIT_FORMAT = 'nixsig-audit-1'

/**
 * One line of printable ASCII, without its end. Fields have the names of Audit in snake_case, and
 * undefined is null. parseAudit() gives the audit back, without `more`: fields that are added to
 * those of the audit, in the same way.
 */
export function auditJson(audit: Audit, more: object = {}): string {
  const fields = Object.entries({ ...audit, ...more }).map(([name, value]) => {
    // Most of an audit, so it is not made of other objects first.
    const text = name === 'paths' ? listOf(audit.paths, pathJson) : JSON.stringify(inSnakeCase(value))
    return `"${snakeCase(name)}":${text}`
  })
  const text = `{"format":"${AUDIT_FORMAT}",${fields.join()}}`
  if (!BEYOND_ASCII.test(text)) return text
  return text.replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const BEYOND_ASCII = /[^\x20-\x7e]/

/** How each field is printed, in the order in which they are. */
const PATH_FIELDS: { readonly [Name in keyof AuditedPath]-?: (value: AuditedPath[Name]) => string } = {
  path: anything,
  kind: anything,
  part: anything,
  narHash: anything,
  narSize: anything,
  references: numbers,
  derivation: anything,
  inputs: numbers,
  outcome: anything,
  status: anything,
  ground: anything,
  rule: anything,
  basis: anything,
  exemption: anything,
  group: anything,
  because: anything,
  message: anything,
  claims: claims => listOf(claims, claimJson),
  builtHere: anything,
  until: anything,
  letIn: anything,
  registered: anything,
}

const PATH_PRINTERS = Object.entries(PATH_FIELDS).map(([name, print]) => ({
  name: name as keyof AuditedPath,
  start: `"${snakeCase(name)}":`,
  print: print as (value: unknown) => string,
}))

function pathJson(path: AuditedPath): string {
  let text = ''
  for (const { name, start, print } of PATH_PRINTERS)
    text += (text === '' ? '{' : ',') + start + print(path[name])
  return `${text}}`
}

function claimJson({ key, role, graph, origin }: AuditedClaim): string {
  return `{"key":${key},"role":${anything(role)},"graph":${anything(graph)},"origin":${anything(origin)}}`
}

/** Text in which JSON changes nothing. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function anything(value: string | number | boolean | undefined): string {
  if (value === undefined) return 'null'
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`
  return JSON.stringify(inSnakeCase(value))
}

function numbers(values: readonly number[]): string {
  return `[${values.join()}]`
}

function listOf<T>(items: readonly T[], print: (item: T) => string): string {
  let text = '['
  for (const [index, item] of items.entries()) text += (index === 0 ? '' : ',') + print(item)
  return `${text}]`
}
