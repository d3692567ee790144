/** What changed in a list, in words for those who sign it. */
import type { ListDocument, ListedKey } from '../../formats/lists/listed.ts'
import { printTimestamp } from '../../formats/timestamp.ts'

/** One thing that was added, removed, or is different now. Raw: not escaped. */
export interface Change {
  readonly kind: 'added' | 'removed' | 'changed'
  /** `principal alice`, `developers libmd`, `revocation`, … */
  readonly what: string
  /** What it says now, or said if it was removed. */
  readonly says: string
}

/** What changed between two documents; everything was added if `before` is undefined. */
export function changesOf(before: ListDocument | undefined, after: ListDocument): readonly Change[] {
  return [
    ...fieldChanges(before, after),
    ...mapChanges('principal', before?.principals, after.principals, ({ keys, about }) =>
      [...keys.map(keyWords), ...(about === undefined ? [] : [about])].join(', '),
    ),
    ...mapChanges(
      'group',
      before?.groups,
      after.groups,
      ({ members, threshold }) => `${threshold} of ${members.join(', ')}`,
    ),
    ...mapChanges(
      'developers',
      before?.developers,
      after.developers,
      ({ names, urls, by, threshold, standing }) => {
        const from = urls.length === 0 ? 'any address' : urls.join(', ')
        return `${names.join(', ')} from ${from}: ${threshold} of ${by.join(', ')}${standing ? ` (${standing})` : ''}`
      },
    ),
    ...mapChanges('team', before?.teams, after.teams, ({ names, urls }) => [...names, ...urls].join(', ')),
    ...setChanges('revocation', before?.revocations ?? [], after.revocations, ({ target, date, reason }) => {
      const [[kind, name] = ['', '']] = Object.entries(target)
      return `${kind} ${name} from ${printTimestamp(date)}: ${reason}`
    }),
    ...setChanges(
      'succession',
      before?.succession ?? [],
      after.succession,
      ({ principal, from, to, date }) => `${principal}: ${from} to ${to} on ${printTimestamp(date)}`,
    ),
  ]
}

function fieldChanges(before: ListDocument | undefined, after: ListDocument): readonly Change[] {
  return (['name', 'about', 'says', 'rules'] as const).flatMap((field): readonly Change[] => {
    const [old, now] = [before?.[field], after[field]]
    if (old === now) return []
    if (now === undefined) return [{ kind: 'removed', what: field, says: old ?? '' }]
    return [{ kind: old === undefined ? 'added' : 'changed', what: field, says: now }]
  })
}

function mapChanges<T>(
  what: string,
  before: ReadonlyMap<string, T> = new Map(),
  after: ReadonlyMap<string, T>,
  words: (value: T) => string,
): readonly Change[] {
  const changes: Change[] = []
  for (const [name, value] of before) {
    if (!after.has(name)) changes.push({ kind: 'removed', what: `${what} ${name}`, says: words(value) })
  }
  for (const [name, value] of after) {
    const old = before.get(name)
    if (old === undefined) changes.push({ kind: 'added', what: `${what} ${name}`, says: words(value) })
    else if (JSON.stringify(old) !== JSON.stringify(value))
      changes.push({ kind: 'changed', what: `${what} ${name}`, says: words(value) })
  }
  return changes
}

function setChanges<T>(
  what: string,
  before: readonly T[],
  after: readonly T[],
  words: (value: T) => string,
): readonly Change[] {
  const [old, now] = [before, after].map(each => new Set(each.map(words))) as [Set<string>, Set<string>]
  return [
    ...[...old].filter(text => !now.has(text)).map(says => ({ kind: 'removed', what, says }) as const),
    ...[...now].filter(text => !old.has(text)).map(says => ({ kind: 'added', what, says }) as const),
  ]
}

/** A key and its limits in words. Raw. */
export function keyWords(key: ListedKey): string {
  const text = 'key' in key ? key.key : `openpgp ${key.openpgp}`
  const from = key.validFrom === undefined ? '' : ` from ${printTimestamp(key.validFrom)}`
  const until = key.validUntil === undefined ? '' : ` until ${printTimestamp(key.validUntil)}`
  const spaces = 'key' in key && key.namespaces ? ` for ${key.namespaces.join(' ')}` : ''
  return `${text}${from}${until}${spaces}`
}
