import { printable } from '../../primitives/printable.ts'
import { fields, type JsonNode, listOf, malformed, stringOf } from '../json/shape.ts'
import { fingerprintOf, instantOf, plainOf } from './document-fields.ts'
import type { ListDocument, ListedRevocation, RevokedTarget, Succession } from './listed.ts'
import { keyTextOf } from './listed-principals.ts'
import { NAME } from './names.ts'

/** Of a document. */
export const REVOCATION_LIMIT = 20_000
const SUCCESSION_LIMIT = 20_000

/** Reads `revocations`. Throws FormatError. */
export function readRevocations(node: JsonNode | undefined): readonly ListedRevocation[] {
  if (node === undefined) return []
  return listOf(node, REVOCATION_LIMIT).map(item => {
    const parts = fields(item, {
      required: ['date', 'reason'],
      optional: ['principal', 'key', 'openpgp'],
      others: 'refuse',
    })
    return {
      target: targetOf(item, parts),
      date: instantOf(parts.date),
      reason: plainOf(parts.reason, 'text'),
    }
  })
}

function targetOf(
  node: JsonNode,
  { principal, key, openpgp }: Readonly<Partial<Record<'principal' | 'key' | 'openpgp', JsonNode>>>,
): RevokedTarget {
  const stated = [principal, key, openpgp].filter(each => each !== undefined)
  if (stated.length !== 1) throw malformed(node, 'needs one of "principal", "key" and "openpgp"')
  if (principal !== undefined) {
    const name = stringOf(principal)
    if (!NAME.test(name)) throw malformed(principal, `"${printable(name, 100)}" cannot be a name`)
    return { principal: name }
  }
  if (openpgp !== undefined) return { openpgp: fingerprintOf(openpgp) }
  return { key: keyTextOf(key ?? node) }
}

/** Reads `succession`. Throws FormatError. */
export function readSuccession(
  node: JsonNode | undefined,
  principals: ListDocument['principals'],
): readonly Succession[] {
  if (node === undefined) return []
  return listOf(node, SUCCESSION_LIMIT).map(item => {
    const parts = fields(item, {
      required: ['principal', 'from', 'to', 'date'],
      optional: [],
      others: 'refuse',
    })
    const principal = stringOf(parts.principal)
    if (!principals.has(principal))
      throw malformed(parts.principal, `"${printable(principal, 100)}" is not a principal of this list`)
    const from = keyTextOf(parts.from)
    const to = keyTextOf(parts.to)
    if (from === to) throw malformed(parts.to, 'is the same key')
    return { principal, from, to, date: instantOf(parts.date) }
  })
}
