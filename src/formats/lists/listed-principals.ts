import { printable } from '../../primitives/printable.ts'
import { fields, type JsonNode, listOf, malformed, stringOf } from '../json/shape.ts'
import { entriesOf, fingerprintOf, instantOf, plainOf, textsOf } from './document-fields.ts'
import { type ListedKey, type ListedPrincipal, type Validity, validityOf } from './listed.ts'
import { NAME } from './names.ts'

const PRINCIPAL_LIMIT = 20_000
const KEY_LIMIT = 64
const KEY_TEXT_LIMIT = 8192
const NAMESPACE_COUNT = 16
const NAMESPACE_LIMIT = 256

/** Where certificates lie, from the directory of the list. */
export const CERTIFICATES = 'certificates'

/** Reads `principals`. Throws FormatError. */
export function readPrincipals(node: JsonNode): ReadonlyMap<string, ListedPrincipal> {
  const principals = new Map<string, ListedPrincipal>()
  for (const [name, entry] of entriesOf(node, PRINCIPAL_LIMIT, NAME)) {
    const parts = fields(entry, { required: ['keys'], optional: ['about'], others: 'refuse' })
    const keys = listOf(parts.keys, KEY_LIMIT).map(readKey)
    if (keys.length === 0) throw malformed(parts.keys, 'a principal needs at least one key')
    const written = keys.map(key => ('key' in key ? key.key : key.openpgp))
    if (new Set(written).size < written.length) throw malformed(parts.keys, 'has a key twice')
    principals.set(name, {
      ...(parts.about !== undefined && { about: plainOf(parts.about, 'text') }),
      keys,
    })
  }
  return principals
}

/**
 * A key as text: its form alone is checked, printable ASCII and, for PEM, line feeds. Throws
 * FormatError.
 */
export function keyTextOf(node: JsonNode): string {
  const text = stringOf(node)
  if (text.length > KEY_TEXT_LIMIT) throw malformed(node, `longer than ${KEY_TEXT_LIMIT} characters`)
  if (!/^[!-~][\n -~]*$/.test(text)) throw malformed(node, 'is not the text of a key')
  return text
}

function readKey(node: JsonNode): ListedKey {
  if (typeof node.value === 'string') return { key: keyTextOf(node) }
  const parts = fields(node, {
    required: [],
    optional: ['key', 'openpgp', 'certificate', 'valid-from', 'valid-until', 'namespaces'],
    others: 'refuse',
  })
  const validity = readValidity(parts['valid-from'], parts['valid-until'])
  const { key, openpgp, certificate, namespaces } = parts
  if (key !== undefined) {
    if (openpgp !== undefined || certificate !== undefined)
      throw malformed(node, 'has both "key" and "openpgp" or "certificate"')
    return { key: keyTextOf(key), ...validity, ...(namespaces && { namespaces: namespacesOf(namespaces) }) }
  }
  if (openpgp === undefined || certificate === undefined)
    throw malformed(node, 'needs "key", or "openpgp" and "certificate"')
  if (namespaces !== undefined) throw malformed(namespaces, 'only keys in the form of SSH have namespaces')
  return { openpgp: fingerprintOf(openpgp), certificate: certificateOf(certificate), ...validity }
}

function certificateOf(node: JsonNode): string {
  const path = stringOf(node)
  if (!/^certificates\/[0-9A-Za-z][0-9A-Za-z._-]{0,99}$/.test(path))
    throw malformed(node, `"${printable(path, 80)}" is not ${CERTIFICATES}/NAME`)
  return path
}

function namespacesOf(node: JsonNode): readonly string[] {
  const names = textsOf(node, NAMESPACE_COUNT, item => {
    const text = plainOf(item, NAMESPACE_LIMIT)
    if (/[*?!,"\s]/.test(text))
      throw malformed(item, 'a namespace is exact: no wildcards, commas, quotes and spaces')
    return text
  })
  if (names.length === 0) throw malformed(node, 'must name at least one namespace')
  return names
}

function readValidity(from: JsonNode | undefined, until: JsonNode | undefined): Validity {
  const validFrom = from && instantOf(from)
  const validUntil = until && instantOf(until)
  if (until !== undefined && validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil)
    throw malformed(until, 'must be later than valid-from')
  return validityOf({ validFrom, validUntil })
}
