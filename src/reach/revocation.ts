/** A revocation as the policy writes it, from what a command was given. Pure. */

import { plainProblem } from '../policy/language/fields.ts'
import { isKey, parseFingerprint, parseKey } from '../policy/language/keys.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import { when, word } from '../policy/words.ts'
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

/**
 * What is meant by a name of a principal, by a key as the policy writes it (or `ed25519:` and hex),
 * or by an OpenPGP fingerprint; or else why nothing is.
 */
export function revokedTarget(
  policy: Pick<Policy, 'principals' | 'groups'>,
  text: string,
): RevokedTarget | { readonly problem: string } {
  if (policy.principals.has(text))
    return {
      field: `principal = ${quoted(text)}`,
      words: `all keys of ${word(text)}`,
      keys: keysOf(policy, text),
      principal: text,
    }
  if (policy.groups.has(text)) {
    const members = policy.groups.get(text)?.members.map(word).join(', ') ?? ''
    return { problem: `${word(text)} is a group: revoke its members one by one (${members})` }
  }
  const found = fingerprintField(text) ?? keyField(text)
  if (found === undefined)
    return {
      problem: `${printable(text, 100)} is neither a principal of the policy nor a key or fingerprint`,
    }
  const holder = [...policy.principals.values()].find(({ keys }) =>
    keys.some(({ identity }) => identity === found.identity),
  )
  if (holder === undefined)
    return { problem: `no principal of the policy has the key ${printable(text, 100)}` }
  const label = holder.keys.find(({ identity }) => identity === found.identity)?.label ?? text
  return {
    field: found.field,
    words: `the key ${word(label)} of ${word(holder.name)}`,
    keys: new Set([found.identity]),
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
