/**
 * What is waiting for signatures. It is always made anew from the draft: a file in `pending/` is
 * taken only if it is what this keeper's own tool would have made, but for its end.
 */

import { FileError } from '../../files/regular-file.ts'
import { isObject, jsonObject, printJson } from '../../formats/json/print.ts'
import type { JsonObject, JsonValue } from '../../formats/json/strict.ts'
import { canonicalJson } from '../../formats/lists/canonical-json.ts'
import {
  METADATA_LIMITS,
  parseMetadata,
  type TufMetadata,
  type TufSignature,
} from '../../formats/lists/tuf-metadata.ts'
import { type MetadataKind, readSignedJson, typeOf } from '../../formats/lists/tuf-signed.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { fromHex, toHex } from '../../primitives/hex.ts'
import { namesWithin, readWithin, removeWithin, writeWithin } from './directory.ts'
import { type Core, signedJson } from './metadata-json.ts'

const DAY = 86_400
const SIGNATURES_LIMIT = 256
const SIGNATURE_FILE_LIMIT = 256

/** What a role is to say next. */
export interface Wanted {
  readonly role: string
  readonly kind: MetadataKind
  readonly core: Core
  /** What it says now. */
  readonly published: TufMetadata | undefined
  /** The version of what it says now, or said before its team was removed; 0 if it never did. */
  readonly before: number
  /** Why it has to be said anew even if it stays the same. */
  readonly renew: boolean
  readonly days: number
}

/** What is to be signed for a role, with the signatures that lie there. */
export interface PendingMetadata {
  readonly metadata: TufMetadata
  /** Whether `pending/` has exactly this. If not, signatures that lie there are over something else. */
  readonly isThere: boolean
}

/** What has to be signed; undefined if what was published stays as it is. */
export function pendingFor(directory: string, wanted: Wanted, now: number): PendingMetadata | undefined {
  const { role, kind, core, published, days } = wanted
  const version = wanted.before + 1
  const lying = readPending(directory, role, kind)
  const isLying = lying !== undefined && isWanted(lying, core, version) && endsInTime(lying, days, now)
  const isSame = published !== undefined && sameCore(published.json, core)
  const isRenewed = isLying && published !== undefined && lying.signed.expires > published.signed.expires
  if (isSame && !wanted.renew && !isRenewed) return undefined
  if (isLying) return { metadata: { ...lying, signatures: readSignatures(directory, role) }, isThere: true }
  const expires = printTimestamp(now + days * DAY)
  const json = signedJson(typeOf(kind), core, { version, expires })
  const signed = readSignedJson(json, kind)
  return { metadata: { signed, json, message: canonicalJson(json), signatures: [] }, isThere: false }
}

/** Puts metadata into `pending/`, without the signatures that were over what lay there before. */
export function writePending(directory: string, role: string, metadata: TufMetadata): void {
  removeWithin(directory, `pending/${role}`)
  writeWithin(directory, `pending/${role}/metadata.json`, printMetadata({ ...metadata, signatures: [] }))
}

/** Puts a signature beside pending metadata. */
export function writeSignature(directory: string, role: string, { keyid, signature }: TufSignature): void {
  writeWithin(directory, `pending/${role}/${keyid}.sig`, `${toHex(signature)}\n`)
}

/** Metadata as users get it, with the signatures sorted. */
export function printMetadata({ json, signatures }: Pick<TufMetadata, 'json' | 'signatures'>): string {
  const sorted = [...signatures].sort((a, b) => (a.keyid < b.keyid ? -1 : 1))
  const listed = sorted.map(({ keyid, signature }) =>
    jsonObject([
      ['keyid', keyid],
      ['sig', toHex(signature)],
    ]),
  )
  return `${printJson(
    jsonObject([
      ['signatures', listed],
      ['signed', json],
    ]),
  )}\n`
}

function readPending(directory: string, role: string, kind: MetadataKind): TufMetadata | undefined {
  const limit = METADATA_LIMITS[typeOf(kind)]
  const bytes = readWithin(directory, `pending/${role}/metadata.json`, limit)
  try {
    return bytes && parseMetadata(bytes, kind)
  } catch (error) {
    // It is not what would be made here, so it is made anew.
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/**
 * The signatures that lie beside pending metadata: by anybody, over anything. Throws FileError for
 * names and contents that are of another form.
 */
function readSignatures(directory: string, role: string): readonly TufSignature[] {
  const names = namesWithin(directory, `pending/${role}`).filter(name => name.endsWith('.sig'))
  if (names.length > SIGNATURES_LIMIT)
    throw new FileError(
      `pending/${role} has more than ${SIGNATURES_LIMIT} signatures; next: remove those that are not of its keepers`,
    )
  return names.map(name => {
    const path = `pending/${role}/${name}`
    if (!/^[0-9a-f]{64}\.sig$/.test(name))
      throw new FileError(`${JSON.stringify(path)} is not named by a key id; next: remove it`)
    const text = readWithin(directory, path, SIGNATURE_FILE_LIMIT)?.toString('latin1') ?? ''
    if (!/^[0-9a-f]{128}\r?\n?$/.test(text))
      throw new FileError(
        `${path} does not hold a signature of 128 hexadecimal digits; next: remove it, and let its keeper sign again`,
      )
    return { keyid: name.slice(0, 64), signature: fromHex(text.slice(0, 128)) }
  })
}

function isWanted({ json, signed }: TufMetadata, core: Core, version: number): boolean {
  return signed.version === version && sameCore(json, core)
}

/** A day more than usual, for clocks that differ. */
function endsInTime({ signed: { expires } }: TufMetadata, days: number, now: number): boolean {
  return expires > now && expires <= now + (days + 1) * DAY
}

/** Whether metadata says this, whatever its version and end. */
function sameCore(json: JsonValue, core: Core): boolean {
  if (!isObject(json)) return false
  const bare = (object: JsonObject) =>
    canonicalJson(
      new Map(
        [...object].filter(([name]) => !['version', 'expires', '_type', 'spec_version'].includes(name)),
      ),
    )
  return Buffer.compare(bare(json), bare(jsonObject(core))) === 0
}
