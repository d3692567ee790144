/**
 * Keys and roles in TUF metadata, in the one form that nixsig takes: Ed25519 alone, and one key id
 * for each key. A role that two spellings of one key could fill alone cannot be written.
 */

import { fromHex, toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { jsonObject } from '../json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  namedNodes,
  positiveOf,
  sha256Of,
  stringOf,
} from '../json/shape.ts'
import type { JsonObject } from '../json/strict.ts'
import { isWeakPoint } from '../keys/weak-point.ts'
import { canonicalJson } from './canonical-json.ts'

/** Keys of one metadata, and keys of one role. */
const KEY_LIMIT = 256
const ROLE_KEY_LIMIT = 64

/** The keys of a metadata by their ids: 32 raw bytes each. No two are equal. */
export type TufKeys = ReadonlyMap<string, Uint8Array>

/** Who signs for a role: `threshold` of these keys. */
export interface TufRole {
  /** Each once, and each among the keys of the metadata. At least one. */
  readonly keyids: readonly string[]
  /** From 1 to the number of keys. */
  readonly threshold: number
}

/** The id of an Ed25519 key: SHA-256, lower-case hex, of its canonical JSON. */
export function tufKeyId(publicKey: Uint8Array): string {
  return toHex(sha256(canonicalJson(tufKeyJson(publicKey))))
}

/** An Ed25519 key of 32 raw bytes as TUF writes it. */
export function tufKeyJson(publicKey: Uint8Array): JsonObject {
  return jsonObject([
    ['keytype', 'ed25519'],
    ['keyval', jsonObject([['public', toHex(publicKey)]])],
    ['scheme', 'ed25519'],
  ])
}

/**
 * Reads `keys`. Throws FormatError for keys of other kinds, points of small order, more fields than
 * an Ed25519 key has, and ids that are not the hash of their key: so no key has two ids.
 */
export function readTufKeys(node: JsonNode): TufKeys {
  const keys = new Map<string, Uint8Array>()
  for (const [id, item] of namedNodes(node, KEY_LIMIT, 'keys')) {
    const key = readKey(item)
    if (tufKeyId(key) !== id)
      throw malformed(node, `key id ${printable(id, 64)} is not the SHA-256 of its key`)
    keys.set(id, key)
  }
  return keys
}

function readKey(node: JsonNode): Uint8Array {
  const { keytype, scheme, keyval } = fields(node, {
    required: ['keytype', 'scheme', 'keyval'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(keytype) !== 'ed25519') throw malformed(keytype, 'only ed25519 keys are accepted')
  if (stringOf(scheme) !== 'ed25519') throw malformed(scheme, 'only the scheme ed25519 is accepted')
  const text = fields(keyval, { required: ['public'], optional: [], others: 'refuse' }).public
  const key = fromHex(sha256Of(text))
  if (isWeakPoint(key)) {
    throw malformed(text, 'not a canonical point of large order: anybody could sign for it')
  }
  return key
}

/** Reads the key ids and the threshold of a role. Throws FormatError unless they can be met. */
export function readTufRole(parts: { keyids: JsonNode; threshold: JsonNode }, keys: TufKeys): TufRole {
  const keyids = listOf(parts.keyids, ROLE_KEY_LIMIT).map(item => {
    const id = sha256Of(item)
    if (!keys.has(id)) throw malformed(item, `key id ${id} is not among the keys`)
    return id
  })
  if (new Set(keyids).size < keyids.length) throw malformed(parts.keyids, 'names a key twice')
  // Ids are hashes of keys, so this cannot differ; it is what the threshold rests on.
  if (new Set(keyids.map(id => toHex(keys.get(id) ?? new Uint8Array()))).size < keyids.length)
    throw malformed(parts.keyids, 'names a key under two ids')
  if (keyids.length === 0) throw malformed(parts.keyids, 'names no key')
  const threshold = positiveOf(parts.threshold)
  if (threshold > keyids.length)
    throw malformed(parts.threshold, `${threshold} signatures are needed of ${keyids.length} keys`)
  return { keyids, threshold }
}
