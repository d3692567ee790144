import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  readString,
  rootNode,
  sha256Of,
  stringOf,
} from '../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../formats/json/strict.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { QuarantineEntry } from './entry.ts'

const FORMAT = 'quarantine entry'

/** The most references: as many as a connection to the store reads. */
const REFERENCE_LIMIT = 1_000_000

/** The last time that a Date can hold. */
const TIME_LIMIT = 8.64e12

const FIELDS = [
  'path',
  'narHash',
  'narSize',
  'references',
  'derivation',
  'builtHere',
  'registered',
  'refused',
  'outcome',
  'reason',
] as const

/**
 * Parses entry.json, an object with exactly the fields of QuarantineEntry. Its paths become parts
 * of commands and file names, so each must be a store path. Throws FormatError.
 */
export function parseEntry(bytes: Uint8Array): QuarantineEntry {
  const json = parseStrictJson(decodeUtf8(bytes, FORMAT), { length: bytes.byteLength, depth: 2 })
  const entry = fields(rootNode(FORMAT, json), { required: FIELDS, optional: [], others: 'refuse' })
  return {
    path: pathOf(entry.path),
    narHash: sha256Of(entry.narHash),
    narSize: countOf(entry.narSize, Number.MAX_SAFE_INTEGER),
    references: listOf(entry.references, REFERENCE_LIMIT).map(pathOf),
    derivation: pathOf(entry.derivation),
    builtHere: booleanOf(entry.builtHere),
    registered: countOf(entry.registered, Number.MAX_SAFE_INTEGER),
    refused: countOf(entry.refused, TIME_LIMIT),
    outcome: outcomeOf(entry.outcome),
    reason: stringOf(entry.reason),
  }
}

function pathOf(node: JsonNode): string {
  return readString(node, text => parseStorePath(text).path)
}

function countOf(node: JsonNode, limit: number): number {
  const { value } = node
  if (typeof value !== 'number' || value < 0 || value > limit)
    throw malformed(node, `not a number from 0 to ${limit}`)
  return value
}

function booleanOf(node: JsonNode): boolean {
  if (typeof node.value !== 'boolean') throw malformed(node, 'must be true or false')
  return node.value
}

function outcomeOf(node: JsonNode): QuarantineEntry['outcome'] {
  const text = stringOf(node)
  if (text !== 'untrusted' && text !== 'indeterminate')
    throw malformed(node, 'must be "untrusted" or "indeterminate"')
  return text
}
