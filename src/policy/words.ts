/**
 * Words that verdicts and descriptions of a policy share. All text from outside is escaped here.
 */
import { printable } from '../primitives/printable.ts'
import { type Aspect, type Instant, type Requirement, type Role, SELF, type SubjectKind } from './policy.ts'

/** Names and details longer than this are cut; store paths are not. */
const WORD_LIMIT = 120
const PATH_LIMIT = 260

/** The kinds of store paths in messages. */
export const KIND_WORDS: Readonly<Record<SubjectKind, string>> = {
  'fetched-source': 'fetched source',
  'local-source': 'local source',
  derivation: 'derivation',
  output: 'output',
  expression: 'commit',
}

/** The aspects in messages. */
export const ASPECT_WORDS: Readonly<Record<Aspect, string>> = {
  source: 'its source',
  derivation: 'its derivation',
  output: 'its output',
  expression: 'its expressions',
}

/** A name, a reason or a detail: escaped, and cut if it is very long. */
export function word(text: string): string {
  return printable(text, WORD_LIMIT)
}

/** A store path, escaped. */
export function pathWord(path: string): string {
  return printable(path, PATH_LIMIT)
}

/** A principal or group in a sentence. */
export function whoWord(who: string): string {
  return who === SELF ? 'this machine' : word(who)
}

/** ` as packager`, or empty if any role is enough. */
export function roleWords(role: Role | undefined): string {
  return role === undefined ? '' : ` as ${role}`
}

/** `, proven to be logged for the quorum main`, or empty if a requirement does not ask for that. */
export function loggedWords(requirement: Requirement): string {
  if (requirement.kind !== 'all' || requirement.logged === undefined) return ''
  return `, proven to be logged for the quorum ${word(requirement.logged)}`
}

/** An instant in UTC, to the second; midnight is printed as a date. */
export function when(instant: Instant): string {
  const text = new Date(instant * 1000).toISOString()
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.replace('.000Z', 'Z')
}

/** The first items, and how many more there are: `a, b and 3 more`. */
export function list(items: readonly string[], limit: number, separator = ', '): string {
  const more = items.length > limit ? ` and ${items.length - limit} more` : ''
  return items.slice(0, limit).join(separator) + more
}
