/** What keys are called in messages: by their own name and, where there is one, by whose it is. */
import { userIdsOf } from '../crypto/openpgp/user-ids.ts'
import type { Key } from '../policy/policy.ts'
import { word } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'

const USER_LIMIT = 100

const known = new Map<string, readonly string[]>()

/**
 * Who a key says that it belongs to: the user ids of an OpenPGP certificate that its own key
 * signed, escaped. Keys of other kinds say nothing.
 */
export function usersOf(key: Key): readonly string[] {
  if (key.kind !== 'openpgp') return []
  const place = `${key.fingerprint} ${key.certificate}`
  const users = known.get(place) ?? userIdsOf(key).map(id => printable(id, USER_LIMIT))
  known.set(place, users)
  return users
}

/** A key in a sentence: its label and, in quotes, its first user id. */
export function keyWord(key: Key): string {
  const [user] = usersOf(key)
  return user === undefined ? word(key.label) : `${word(key.label)} "${user}"`
}
