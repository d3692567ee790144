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
  const pieces = [`{"format":"${AUDIT_FORMAT}"`]
  for (const [name, value] of Object.entries({ ...audit, ...more })) {
    pieces.push(`,"${snakeCase(name)}":`)
    // Most of an audit, so it is not made of other objects first.
    if (name === 'paths') pieces.push('[', ...pathPieces(audit.paths), ']')
    else pieces.push(inAscii(JSON.stringify(inSnakeCase(value))))
  }
  pieces.push('}')
  return pieces.join('')
}

/** How many paths are one piece of the text. */
const PIECE = 32

/**
 * The list of paths without its brackets. As one text it would be a tree of all that it was put
 * together from, which takes longer to keep in memory than to print: each piece is made flat when
 * it is searched for what is not ASCII.
 */
function pathPieces(paths: readonly AuditedPath[]): readonly string[] {
  const print = openPathPrinter()
  const pieces: string[] = []
  for (let at = 0; at < paths.length; at += PIECE) {
    let text = ''
    for (const path of paths.slice(at, at + PIECE)) text += `,${print(path)}`
    pieces.push(inAscii(at === 0 ? text.slice(1) : text))
  }
  return pieces
}

function inAscii(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text
  return text.replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const BEYOND_ASCII = /[^\x20-\x7e]/

/** Prints paths; what many of them share is made into text once. */
function openPathPrinter(): (path: AuditedPath) => string {
  const word = remembering((text: string | undefined) => anything(text))
  const claims = remembering((list: AuditedPath['claims']) => listOf(list, claimJson))
  // In the order of AuditedPath; that none is left out, the tests of parseAudit show.
  return one =>
    `{"path":${anything(one.path)},"kind":${word(one.kind)},"part":${word(one.part)},` +
    `"nar_hash":${anything(one.narHash)},"nar_size":${one.narSize},` +
    `"references":${numbers(one.references)},"derivation":${one.derivation ?? null},` +
    `"inputs":${numbers(one.inputs)},"outcome":${word(one.outcome)},"status":${one.status},` +
    `"ground":${word(one.ground)},"rule":${word(one.rule)},"basis":${word(one.basis)},` +
    `"exemption":${one.exemption ?? null},"group":${one.group ?? null},` +
    `"because":${anything(one.because)},"message":${anything(one.message)},` +
    `"claims":${claims(one.claims)},"built_here":${one.builtHere},"until":${one.until ?? null},` +
    `"let_in":${one.letIn},"registered":${one.registered ?? null}}`
}

/** The same for the same value, made once. */
function remembering<T>(print: (value: T) => string): (value: T) => string {
  const known = new Map<T, string>()
  return value => {
    const text = known.get(value) ?? print(value)
    if (known.size < REMEMBERED) known.set(value, text)
    return text
  }
}

const REMEMBERED = 1000

function claimJson({ key, role, graph, origin }: AuditedClaim): string {
  return `{"key":${key},"role":${anything(role)},"graph":${anything(graph)},"origin":${anything(origin)}}`
}

/** Text in which JSON changes nothing. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function anything(value: string | undefined): string {
  if (value === undefined) return 'null'
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(inSnakeCase(value))
}

function numbers(values: readonly number[]): string {
  return values.length === 0 ? '[]' : `[${values.join()}]`
}

function listOf<T>(items: readonly T[], print: (item: T) => string): string {
  let text = '['
  for (const item of items) text += (text.length === 1 ? '' : ',') + print(item)
  return `${text}]`
}
