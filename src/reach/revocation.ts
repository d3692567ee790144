/** A revocation as the policy writes it, from what a command was given. Pure. */

import { holdersOf } from '../policy/key-standing.ts'
import { plainProblem } from '../policy/language/fields.ts'
import { isKey, parseFingerprint, parseKey } from '../policy/language/keys.ts'
import { isListedName } from '../policy/language/listed-names.ts'
import { listNameOf } from '../policy/lists/names.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import { list, when, word } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import { keysOf } from './rests-on.ts'

/** Whom or what a revocation is about. */
export interface RevokedTarget {
  /** One line of TOML: `principal = "alice"`. */
  readonly field: string
  /** In a sentence, escaped. */
  readonly words: string
  readonly keys: ReadonlySet<KeyIdentity>
  /** The name, if all keys of a principal are meant. */
  readonly principal?: string
}

export interface RevocationText {
  readonly target: RevokedTarget
  readonly date: Instant
  readonly reason: string
}

const REASON_LIMIT = 500
/** Members of a group, or holders of a key, that are named. */
const MEMBERS = 20

/**
 * What is meant by a name of a principal, the policy's or a list's, by a key as the policy writes
 * it (or `ed25519:` and hex), or by an OpenPGP fingerprint; or else why nothing is. Throws
 * FileError where the book of a list cannot be read.
 */
export function revokedTarget(
  policy: Pick<Policy, 'principals' | 'groups' | 'lists'>,
  text: string,
): RevokedTarget | { readonly problem: string } {
  const book = bookFor(policy, text)
  // It takes effect once the list is here.
  if (book !== undefined && 'problem' in book)
    return {
      field: `principal = ${quoted(text)}`,
      words: `all keys of ${word(text)}, who is not known here (${word(book.problem)})`,
      keys: new Set(),
      principal: text,
    }
  const principal = policy.principals.get(text) ?? book?.principal(text)
  if (principal !== undefined)
    return {
      field: `principal = ${quoted(text)}`,
      words: `all keys of ${word(text)}`,
      keys: keysOf(principal),
      principal: text,
    }
  const group = policy.groups.get(text) ?? book?.group(text)
  if (group !== undefined) {
    const members = list(group.members.map(word), MEMBERS)
    return { problem: `${word(text)} is a group: revoke its members one by one (${members})` }
  }
  if (book !== undefined)
    return { problem: `the list ${word(text.slice(0, text.indexOf('/')))} has nobody called ${word(text)}` }
  const found = fingerprintField(text) ?? keyField(text)
  if (found === undefined)
    return {
      problem: `${printable(text, 100)} is neither a principal of the policy nor a key or fingerprint`,
    }
  const holders = holdersAmong(policy, found.identity)
  const [label] = holders.labels
  if (holders.names.length === 0)
    return {
      problem: `no principal of the policy${policy.lists.size > 0 ? ' or of its lists' : ''} has the key ${printable(text, 100)}`,
    }
  return {
    field: found.field,
    words: `the key ${word(label ?? text)} of ${list(holders.names.map(word), MEMBERS)}`,
    keys: new Set([found.identity]),
  }
}

/** The book of the list whose name this is; undefined for a name that no list can have. */
function bookFor({ lists }: Pick<Policy, 'lists'>, text: string) {
  return isListedName(text, lists) ? lists.get(listNameOf(text, lists) ?? '')?.book : undefined
}

/** Everybody who has a key: the policy's own, then those of lists, as far as they can be read. */
function holdersAmong(
  { principals, lists }: Pick<Policy, 'principals' | 'lists'>,
  identity: KeyIdentity,
): { readonly names: readonly string[]; readonly labels: readonly string[] } {
  const own = holdersOf({ principals }, identity)
  const books = [...lists.values()].flatMap(({ book }) => ('problem' in book ? [] : [book]))
  const listed = books.flatMap(book => book.holdersOf(identity))
  return {
    names: [...own.map(({ principal }) => principal.name), ...listed],
    labels: own.map(({ key }) => key.label),
  }
}

function fingerprintField(text: string) {
  const compact = text.replace(/^openpgp:/, '').replaceAll(' ', '')
  if (!/^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$/.test(compact)) return undefined
  const fingerprint = parseFingerprint(compact)
  return { identity: `openpgp:${fingerprint}`, field: `openpgp = ${quoted(fingerprint)}` }
}

function keyField(text: string) {
  const [, hex] = /^ed25519:([0-9a-f]{64})$/.exec(text) ?? []
  // The name before the colon is only a hint.
  const written = hex === undefined ? text : `revoked:${Buffer.from(hex, 'hex').toString('base64')}`
  if (!isKey(written)) return undefined
  return { identity: parseKey(written).identity, field: `key = ${quoted(written)}` }
}

/** Why a reason cannot stand in a policy; undefined: it can. */
export function reasonProblem(reason: string): string | undefined {
  if (reason === '') return 'must not be empty'
  return /\p{Cs}/u.test(reason) ? 'is not well-formed Unicode' : plainProblem(reason, REASON_LIMIT)
}

/** The `[[revocations]]` entry. */
export function revocationToml({ target, date, reason }: RevocationText): string {
  return `[[revocations]]\n${target.field}\ndate = ${when(date)}\nreason = ${quoted(reason)}\n`
}

/** The same as an element of a list that is written in one line. */
export function revocationInline({ target, date, reason }: RevocationText): string {
  return `{ ${target.field}, date = ${when(date)}, reason = ${quoted(reason)} }`
}

/** The same as an element of the option security.nixsig.revocations of NixOS. */
export function revocationNix({ target, date, reason }: RevocationText): string {
  const field = `${nixText(target.field)};`
  return `security.nixsig.revocations = [\n  { ${field} date = "${when(date)}"; reason = ${nixText(quoted(reason))}; }\n];\n`
}

/** A TOML string: JSON has the same syntax but for DEL, which no plain text has. */
function quoted(text: string): string {
  return JSON.stringify(text)
}

/** In a string of Nix `${` begins an expression. */
function nixText(text: string): string {
  return text.replaceAll('${', '\\${')
}
