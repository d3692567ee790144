/**
 * What it costs whoever judges to look up people of a list, in units of about 50 microseconds of a
 * processor: so many people and keys may count for one subject, and no more.
 */

/** What the people of one list may cost for one subject: about 0.15 seconds. */
export const PEOPLE_LIMIT = 3000

const MEMBERS = 64
const BYTES = 8 * 1024

/** Of a principal, whose keys cost so much each. */
export function costOfPrincipal(keys: readonly number[]): number {
  return keys.reduce((sum, one) => sum + one, 1)
}

/** Of a key that is written out. */
export const COST_OF_KEY = 1

/** Of a key in a certificate of so many bytes, which is read, hashed and parsed. */
export function costOfCertificate(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES))
}

/** Of a group with so many members, without them. */
export function costOfGroup(members: number): number {
  return 1 + Math.ceil(members / MEMBERS)
}
