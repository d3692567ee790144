/**
 * `.guix-authorizations`, version 0: which OpenPGP keys may sign the commits that follow (GNU Guix
 * manual, "Specifying Channel Authorizations"). Stricter than Guix, which skips what it does not
 * look for.
 */
import { FormatError } from '../primitives/format-error.ts'
import { parseSExpression, type SExpression } from './s-expression.ts'

/** The name of the file at the top of a commit's tree. */
export const GUIX_AUTHORIZATIONS = '.guix-authorizations'

/** Keys in one file; Guix itself lists some eighty. */
const KEY_LIMIT = 10_000

/**
 * Reads the fingerprints that a file lists: upper-case hex, 40 or 64 digits. Guix compares each
 * with the key that made a signature, be it a primary key or a subkey. Throws FormatError for other
 * versions and for anything that is not in the form of the manual.
 */
export function parseGuixAuthorizations(bytes: Uint8Array): ReadonlySet<string> {
  const [head, version, keys, ...rest] = itemsOf(parseSExpression(bytes), 'authorizations')
  if (head === undefined || !isSymbol(head, 'authorizations')) throw malformed('not (authorizations …)', 1)
  const [name, number, ...more] = version === undefined ? [] : itemsOf(version, '(version 0)')
  const isRead = name !== undefined && isSymbol(name, 'version') && number !== undefined && more.length === 0
  if (!isRead || !isSymbol(number, '0')) throw malformed('not (version 0)', version?.line ?? head.line)
  if (keys === undefined) throw malformed('no list of keys', head.line)
  const [extra] = rest
  if (extra !== undefined) throw malformed('something after the list of keys', extra.line)
  const entries = itemsOf(keys, 'a list of keys')
  if (entries.length > KEY_LIMIT) throw malformed(`more than ${KEY_LIMIT} keys`, keys.line)
  return new Set(entries.map(fingerprintOf))
}

/** `("FINGERPRINT" (name "…") …)`: properties are lists that begin with a symbol. */
function fingerprintOf(entry: SExpression): string {
  const [key, ...properties] = itemsOf(entry, '("FINGERPRINT" …)')
  if (key?.kind !== 'string') throw malformed('an entry that does not begin with a string', entry.line)
  for (const property of properties) {
    const [name] = itemsOf(property, 'a property such as (name "…")')
    if (name?.kind !== 'symbol') throw malformed('a property without a name', property.line)
  }
  const digits = key.text.replaceAll(' ', '')
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(digits)) return digits.toUpperCase()
  throw malformed('not a fingerprint of 40 or 64 hex digits', key.line)
}

function itemsOf(expression: SExpression, wanted: string): readonly SExpression[] {
  if (expression.kind === 'list') return expression.items
  throw malformed(`not a list: ${wanted}`, expression.line)
}

function isSymbol(expression: SExpression, text: string): boolean {
  return expression.kind === 'symbol' && expression.text === text
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError(GUIX_AUTHORIZATIONS, problem, `line ${line}`)
}
