/**
 * Looks for the hash parts of store paths in bytes, as Nix does to find what a build refers to (Nix's source,
 * src/libstore/references.cc): 32 digits of Nix's base 32 in a row, wherever they stand.
 */

/** Digits of a hash part. */
const LENGTH = 32
/** What may follow a hash part and belong to the path: a dash and a name, and one byte by which the name's end shows. */
const AFTER = 213
/** Paths that nobody listed: so many are kept, as one alone leaves it open what they are. */
const OTHERS_LIMIT = 16

const DIGIT = 1
const NAME = 4

const NAME_BYTES = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?='
const CLASSES = classes()

/** What is looked for. */
export interface Wanted {
  /** The name that belongs to each hash part: `dep-1.0` for `/nix/store/<hash part>-dep-1.0`. */
  readonly names: ReadonlyMap<string, string>
  /** Whether to look for all else that could be a hash part, too. */
  readonly others: boolean
}

/** What was found so far. */
export interface Found {
  /** Listed hash parts that stand somewhere. */
  readonly seen: ReadonlySet<string>
  /** Those that stand somewhere with their very name. */
  readonly named: ReadonlySet<string>
  /** Hash parts that nobody listed, the first few, as they are written: with the name that follows, if one does. */
  readonly others: ReadonlySet<string>
}

export interface HashPartScan {
  /** Takes the next bytes, which it does not keep. */
  add(chunk: Uint8Array): void
  /** Says what was found; nothing may be added any more. */
  end(): Found
}

/** Begins to look for hash parts in bytes that come piece by piece. */
export function scanForHashParts({ names, others }: Wanted): HashPartScan {
  const found = { seen: new Set<string>(), named: new Set<string>(), others: new Set<string>() }
  let rest = Buffer.alloc(0)

  const take = (text: Buffer, at: number) => {
    const digest = text.toString('latin1', at, at + LENGTH)
    const name = names.get(digest)
    if (name === undefined) {
      if (!others || found.others.size >= OTHERS_LIMIT) return
      const written = nameAfter(text, at + LENGTH)
      if (written !== '' || isPlausible(digest)) found.others.add(`${digest}${written}`)
      return
    }
    found.seen.add(digest)
    if (!found.named.has(digest) && nameAfter(text, at + LENGTH) === `-${name}`) found.named.add(digest)
  }

  return {
    add(chunk) {
      const text = Buffer.concat([rest, chunk])
      const end = text.length - AFTER
      const next = search(text, end, take)
      rest = text.subarray(Math.max(next, 0))
    },
    end() {
      search(rest, rest.length, take)
      rest = Buffer.alloc(0)
      return found
    },
  }
}

/**
 * Tells of every hash part that begins at the front and ends at or before `end`; says where to go on. Looks at the last
 * digit first: most bytes are no digits, and what ends in one of those can be passed over whole.
 */
function search(text: Buffer, end: number, take: (text: Buffer, at: number) => void): number {
  let at = 0
  /** All bytes from `at` up to here are known to be digits. */
  let known = 0
  while (at + LENGTH <= end) {
    const unknown = Math.max(at, known)
    let place = at + LENGTH - 1
    while (place >= unknown && isOf(text[place], DIGIT)) place--
    known = at + LENGTH
    if (place >= unknown) {
      at = place + 1
    } else {
      take(text, at)
      at++
    }
  }
  return at
}

/**
 * Whether a hash part that stands alone could be one. What is in hexadecimal digits, or in very few different ones, is some
 * other number: of the hash parts that Nix makes one in thirty billion looks so.
 */
function isPlausible(digest: string): boolean {
  return !/^[0-9a-f]+$/.test(digest) && new Set(digest).size > 4
}

/** The dash and the name that stand here; empty if none does. */
function nameAfter(text: Buffer, at: number): string {
  if (text[at] !== 0x2d) return ''
  let end = at + 1
  while (end < text.length && end < at + AFTER && isOf(text[end], NAME)) end++
  return end === at + 1 ? '' : text.toString('latin1', at, end)
}

function isOf(byte: number | undefined, kind: number): boolean {
  return ((CLASSES[byte ?? 256] ?? 0) & kind) !== 0
}

function classes(): Uint8Array {
  const table = new Uint8Array(257)
  for (const character of NAME_BYTES) {
    const isDigit = /[0-9a-df-np-sv-z]/.test(character)
    table[character.charCodeAt(0)] = NAME | (isDigit ? DIGIT : 0)
  }
  return table
}
