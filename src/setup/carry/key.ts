/** Keys of Nix's `trusted-public-keys`, as principals of the policy. Pure. */
import { parseNixPublicKey } from '../../formats/nix/nix-key.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { problemWith, quoted } from './fits.ts'

/** A principal of the policy, with one key. */
export interface CacheKey {
  /** A name that TOML takes without quotes. */
  readonly principal: string
  /** `name:<base 64>` */
  readonly key: string
}

/** A key that is not listed, and why: a sentence without an end. Both are safe to print. */
export interface LeftKey {
  readonly shown: string
  readonly why: string
}

/** What setup's policy calls others. */
const TAKEN: readonly string[] = ['self', 'nothing', 'refuse', 'approved', 'caches', 'makers']
const NAME_LIMIT = 60
/** The most keys that become principals. */
const KEY_LIMIT = 64

/**
 * Principals for these keys, each key and each name once. `own`: the raw keys, in base 64, by which
 * this machine itself signs.
 */
export function carryKeys(
  words: readonly string[],
  own: ReadonlySet<string>,
): { readonly listed: readonly CacheKey[]; readonly left: readonly LeftKey[] } {
  const listed: CacheKey[] = []
  const left: LeftKey[] = []
  const known = new Set<string>()
  const names = new Set(TAKEN)
  for (const word of new Set(words)) {
    const found = readKey(word)
    const shown = shownKey(word)
    if ('why' in found) left.push({ shown, why: found.why })
    else if (own.has(found.raw)) {
      left.push({ shown, why: 'it is a key of this machine, for whose builds "self" stands' })
    } else if (known.has(found.raw))
      left.push({ shown, why: 'the key is listed already, under another name' })
    else if (listed.length >= KEY_LIMIT) left.push({ shown, why: `there are more than ${KEY_LIMIT} keys` })
    else {
      known.add(found.raw)
      const principal = uniqueName(found.name, names)
      names.add(principal)
      listed.push({ principal, key: word })
    }
  }
  return { listed, left }
}

function readKey(word: string): { readonly name: string; readonly raw: string } | { readonly why: string } {
  try {
    const { name, publicKey } = parseNixPublicKey(word)
    const problem = /^[\x21-\x7e]+$/.test(word)
      ? problemWith(`[principals.somebody]\nkeys = [${quoted(word)}]\n`)
      : 'must be in ASCII'
    if (problem !== undefined) return { why: `the policy does not take it: ${problem}` }
    return { name, raw: Buffer.from(publicKey).toString('base64') }
  } catch (error) {
    if (error instanceof FormatError) return { why: 'it is no public key in the form of Nix' }
    throw error
  }
}

/** A key's name, made fit to be a name in TOML and in messages. */
function uniqueName(name: string, taken: ReadonlySet<string>): string {
  const clean = name
    .replace(/[^0-9A-Za-z]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, NAME_LIMIT)
  const base = clean === '' ? 'cache' : clean
  let unique = base
  for (let count = 2; taken.has(unique); count++) unique = `${base}-${count}`
  return unique
}

/**
 * A malformed key may be anything, a secret one even: only what can be a name of a key is shown.
 */
function shownKey(word: string): string {
  const [name = ''] = word.split(':')
  return /^[0-9A-Za-z._@+-]{1,100}$/.test(name) && word.includes(':') ? name : 'a word that is not a key'
}
