/**
 * Why the log could not be kept in order: folded, signed, or kept below its size. Its lines are
 * written all the same, so nobody is refused for it; `nixsig doctor` and `nixsig status` tell it.
 */
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { fields, type JsonNode, rootNode } from '../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../formats/json/strict.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { LogPlaces } from './places.ts'

/** What was wrong, and since when. */
export interface Trouble {
  /** Milliseconds since 1970: when it was first found, and when it was last tried. */
  readonly since: number
  readonly tried: number
  /** In words; escaped when it was written. */
  readonly why: string
}

const FORMAT = 'trouble of the decision log'
const LIMIT = 8192
const WHY_LIMIT = 1000
/** What cutting leaves of a character. */
const HALF = /[\ud800-\udbff]$/
/** The last moment that a Date can be. */
const LAST_TIME = 8.64e15

/** What was last noted; undefined if nothing is wrong. Throws FileError and FormatError. */
function readTrouble({ trouble }: LogPlaces): Trouble | undefined {
  const bytes = readOwnedFile(trouble, LIMIT)
  return bytes && parseTrouble(bytes)
}

/** Reads a note. Throws FormatError. */
export function parseTrouble(bytes: Uint8Array): Trouble {
  const text = decodeUtf8(bytes, FORMAT)
  const node = rootNode(FORMAT, parseStrictJson(text, { length: LIMIT, depth: 1 }))
  const known = fields(node, { required: ['since', 'tried', 'why'], optional: [], others: 'refuse' })
  return { since: time(known.since), tried: time(known.tried), why: words(known.why) }
}

/** Notes what is wrong now. Never throws: on a full disk nothing can be noted. */
export function noteTrouble(places: LogPlaces, why: string, now = Date.now()): void {
  try {
    const since = noted(places)?.since || now
    const trouble: Trouble = { since, tried: now, why: why.slice(0, WHY_LIMIT).replace(HALF, '') }
    writeDurably(places.trouble, printTrouble(trouble), { flush: false })
  } catch {
    // Whoever looks at the log finds a full disk without it.
  }
}

/** A note as it is written. */
export function printTrouble({ since, tried, why }: Trouble): string {
  return `${JSON.stringify({ since, tried, why })}\n`
}

/** Notes that nothing is wrong any more. Throws errors of the system. */
export function forgetTrouble({ trouble }: LogPlaces): void {
  removeFile(trouble)
}

/** Like readTrouble. Of a note that cannot be read it is known that it is there. */
export function noted(places: LogPlaces): Trouble | undefined {
  try {
    return readTrouble(places)
  } catch {
    return { since: 0, tried: 0, why: 'the note of it cannot be read' }
  }
}

function time({ value, where }: JsonNode): number {
  if (typeof value === 'number' && value >= 0 && value <= LAST_TIME) return value
  throw new FormatError(FORMAT, 'must be milliseconds since 1970', where)
}

function words({ value, where }: JsonNode): string {
  if (typeof value === 'string' && !/\p{C}/u.test(value)) return value
  throw new FormatError(FORMAT, 'must be text without control characters', where)
}
