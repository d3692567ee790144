/**
 * What a certificate says about its own keys, read as GnuPG reads it: the newest statement counts.
 * Only statements by the primary key can extend a key or allow it to sign. Any other statement that
 * is newer can only restrict.
 */

import type { Certificate, OwnKey } from './own-parts.ts'
import type { Statement } from './statements.ts'

/** The verified signatures that bind a key and may state its expiry and uses. */
export function bindingsOf(certificate: Certificate, key: OwnKey): readonly Statement[] {
  return statementsOf(certificate, key).filter(({ isVerified }) => isVerified)
}

/** When a key expires by what is known today, in seconds since 1970; undefined if it does not. */
export function endOf(certificate: Certificate, key: OwnKey): number | undefined {
  return endsAt(certificate, key, Number.POSITIVE_INFINITY)
}

/**
 * When a key expires, by what its certificate had stated up to an instant. For a primary key, the
 * newest direct-key signature decides. Without one, take the newest self-signature on each user id;
 * among those that state an expiry, the newest decides. For a subkey, its newest binding decides.
 * Statements on a revoked user id, and revoked direct-key signatures, only count if they state an
 * earlier expiry. So do newer statements that nobody verified.
 */
export function endsAt(certificate: Certificate, key: OwnKey, instant: number): number | undefined {
  const { primary, users, directRevocations } = certificate
  const known = (statements: readonly Statement[]) =>
    statements.filter(({ signature, isVerified }) => isVerified && signature.created <= instant)
  const standing = users.filter(({ revocations }) => revocations.length === 0)
  const lifetimes =
    key === primary
      ? [users, standing].flatMap(each =>
          (directRevocations.length === 0 ? [key.statements] : [key.statements, []]).map(direct =>
            primaryLifetime(
              known(direct),
              each.map(user => known(user.statements)),
            ),
          ),
        )
      : [lifetimeIn(known(key.statements))]
  const ends = [
    ...lifetimes.map(lifetime => (lifetime ? key.created + lifetime : undefined)),
    ...newest(known(statementsOf(certificate, key))).map(endOfSignature),
    ...doubtful(statementsOf(certificate, key), instant).flatMap(statement => [
      endOfSignature(statement),
      statement.signature.keyLifetime ? key.created + statement.signature.keyLifetime : undefined,
    ]),
  ]
  return earliest(ends)
}

/** Whether a key states what it may be used for. */
export function hasFlags(certificate: Certificate, key: OwnKey): boolean {
  return flagsOf(certificate, key).length > 0
}

/**
 * Whether every statement about a key's uses (RFC 9580, section 5.2.3.29, first octet) has this
 * bit.
 */
export function mayBeUsed(certificate: Certificate, key: OwnKey, flag: number): boolean {
  const doubts = doubtful(statementsOf(certificate, key), Number.POSITIVE_INFINITY)
  const flags = [...flagsOf(certificate, key), ...doubts.flatMap(keyFlags)]
  return flags.every(each => (each & flag) !== 0)
}

/** The key flags in the newest verified statements; empty if they have none. */
function flagsOf(certificate: Certificate, key: OwnKey): readonly number[] {
  const verified = (statements: readonly Statement[]) =>
    newest(statements.filter(({ isVerified }) => isVerified))
  const direct = verified(key.statements).flatMap(keyFlags)
  const isAll = direct.length > 0 && certificate.directRevocations.length === 0
  if (isAll || key !== certificate.primary) return direct
  return [...direct, ...verified(certificate.users.flatMap(user => user.statements)).flatMap(keyFlags)]
}

function keyFlags({ signature: { keyFlags: flags } }: Statement): readonly number[] {
  return flags === undefined ? [] : [flags]
}

function statementsOf({ primary, users }: Certificate, key: OwnKey): readonly Statement[] {
  return key === primary ? [key, ...users].flatMap(part => part.statements) : key.statements
}

/** Statements that no key made, and that no later statement by the key itself supersedes. */
function doubtful(statements: readonly Statement[], instant: number): readonly Statement[] {
  const known = statements.filter(({ signature }) => signature.created <= instant)
  const dates = known.filter(({ isVerified }) => isVerified).map(({ signature }) => signature.created)
  const last = dates.reduce((latest, date) => Math.max(latest, date), Number.NEGATIVE_INFINITY)
  return known.filter(({ signature, isVerified }) => !isVerified && signature.created > last)
}

function primaryLifetime(
  direct: readonly Statement[],
  users: readonly (readonly Statement[])[],
): number | undefined {
  const stated = newest(direct).some(({ signature }) => signature.keyLifetime !== undefined)
  if (stated) return lifetimeIn(direct)
  return lifetimeIn(users.flatMap(newest).filter(({ signature }) => signature.keyLifetime))
}

/** The shortest lifetime that the newest of these state. Undefined or 0: unlimited. */
function lifetimeIn(statements: readonly Statement[]): number | undefined {
  return earliest(newest(statements).map(({ signature }) => signature.keyLifetime || undefined))
}

/** When the signature of a statement itself expires, which leaves the key without it. */
function endOfSignature({ signature: { created, lifetime } }: Statement): number | undefined {
  return lifetime ? created + lifetime : undefined
}

/** The statements with the latest date. Dates are whole seconds, so there may be several. */
function newest(statements: readonly Statement[]): readonly Statement[] {
  const last = statements.reduce((latest, { signature }) => Math.max(latest, signature.created), 0)
  return statements.filter(({ signature }) => signature.created === last)
}

function earliest(instants: readonly (number | undefined)[]): number | undefined {
  return instants.reduce<number | undefined>(
    (first, each) => (each === undefined || (first !== undefined && first <= each) ? first : each),
    undefined,
  )
}
