/** Reads the records of a book, whose shapes are in layout.ts. All throw FormatError. */
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  positiveOf,
  rootNode,
  sha256Of,
  stringOf,
} from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import type { ListRevocation } from '../../policy/lists/book.ts'
import type { AboutRecord, DevelopersRecord, GroupRecord, KeyRecord, TeamRecord } from './layout.ts'
import { RECORD_LIMIT } from './table.ts'

/** No list of a record is longer; what lists of keys may have is bounded when they are read. */
const ITEMS = 100_000

function nodeOf(bytes: Uint8Array): JsonNode {
  return rootNode('book', parseStrictJson(decodeUtf8(bytes, 'book'), { length: RECORD_LIMIT, depth: 8 }))
}

export function readAbout(bytes: Uint8Array): AboutRecord {
  const parts = fields(nodeOf(bytes), { required: ['name', 'says'], optional: [], others: 'refuse' })
  return { name: stringOf(parts.name), says: oneOf(parts.says, ['vouched', 'extracted']) }
}

export function readTeam(bytes: Uint8Array): TeamRecord {
  const parts = fields(nodeOf(bytes), { required: ['names', 'urls'], optional: [], others: 'refuse' })
  return { names: textsOf(parts.names), urls: textsOf(parts.urls) }
}

export function readRevocation(bytes: Uint8Array): ListRevocation {
  const node = nodeOf(bytes)
  const parts = fields(node, { required: ['target', 'from'], optional: ['reason'], others: 'refuse' })
  const { key, principal } = fields(parts.target, {
    required: [],
    optional: ['key', 'principal'],
    others: 'refuse',
  })
  const rest = { from: integerOf(parts.from), ...(parts.reason && { reason: stringOf(parts.reason) }) }
  if (key && !principal) return { target: { key: stringOf(key) }, ...rest }
  if (principal && !key) return { target: { principal: stringOf(principal) }, ...rest }
  throw malformed(parts.target, 'must be a key or a principal')
}

export function readKeys(bytes: Uint8Array): readonly KeyRecord[] {
  return listOf(nodeOf(bytes), ITEMS).map(keyOf)
}

export function readGroup(bytes: Uint8Array): GroupRecord {
  const parts = fields(nodeOf(bytes), { required: ['members', 'threshold'], optional: [], others: 'refuse' })
  return { members: textsOf(parts.members), threshold: positiveOf(parts.threshold) }
}

export function readDevelopers(bytes: Uint8Array): DevelopersRecord {
  const parts = fields(nodeOf(bytes), {
    required: ['name', 'names', 'urls', 'by', 'threshold'],
    optional: ['standing', 'team'],
    others: 'refuse',
  })
  return {
    name: stringOf(parts.name),
    names: textsOf(parts.names),
    urls: textsOf(parts.urls),
    by: textsOf(parts.by),
    threshold: positiveOf(parts.threshold),
    ...(parts.standing && { standing: oneOf(parts.standing, ['corroborated', 'seen']) }),
    ...(parts.team && { team: integerOf(parts.team) }),
  }
}

function keyOf(node: JsonNode): KeyRecord {
  const parts = fields(node, {
    required: [],
    optional: ['key', 'namespaces', 'openpgp', 'sha256', 'holds', 'validFrom', 'validUntil'],
    others: 'refuse',
  })
  const { key, namespaces, openpgp, sha256, holds } = parts
  const validity = {
    ...(parts.validFrom && { validFrom: integerOf(parts.validFrom) }),
    ...(parts.validUntil && { validUntil: integerOf(parts.validUntil) }),
  }
  if (key && !openpgp && !sha256 && !holds)
    return { key: stringOf(key), ...(namespaces && { namespaces: textsOf(namespaces) }), ...validity }
  if (openpgp && sha256 && holds && !key && !namespaces)
    return { openpgp: stringOf(openpgp), sha256: sha256Of(sha256), holds: textsOf(holds), ...validity }
  throw malformed(node, 'must be a key or a certificate')
}

function textsOf(node: JsonNode): readonly string[] {
  return listOf(node, ITEMS).map(stringOf)
}

function integerOf(node: JsonNode): number {
  const { value } = node
  if (typeof value !== 'number') throw malformed(node, 'must be an integer')
  return value
}

function oneOf<const Word extends string>(node: JsonNode, words: readonly Word[]): Word {
  const found = words.find(word => word === node.value)
  if (found === undefined) throw malformed(node, `must be one of ${words.join(', ')}`)
  return found
}
