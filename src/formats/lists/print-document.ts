import { jsonObject } from '../json/print.ts'
import type { JsonObject, JsonValue } from '../json/strict.ts'
import { printTimestamp } from '../timestamp.ts'
import { LIST_FORMAT } from './document.ts'
import { indented } from './indented.ts'
import type {
  ListDocument,
  ListedDevelopers,
  ListedKey,
  ListedPrincipal,
  ListedRevocation,
} from './listed.ts'

/**
 * Prints a document as `parseList` reads it: indented, one final newline, names sorted, and fields
 * without a value left out. Equal documents give equal bytes, and a small change gives a small
 * difference.
 */
export function printList(document: ListDocument): Uint8Array {
  return Buffer.from(`${indented(listJson(document))}\n`, 'utf8')
}

function listJson(document: ListDocument): JsonObject {
  const { name, about, says, principals, groups, developers, revocations, succession, rules, teams } =
    document
  return jsonObject([
    ['format', LIST_FORMAT],
    ['name', name],
    ['about', about],
    ['says', says],
    ['principals', byName(principals, principalJson)],
    [
      'groups',
      unlessEmpty(
        byName(groups, ({ members, threshold }) =>
          jsonObject([
            ['members', members],
            ['threshold', threshold],
          ]),
        ),
      ),
    ],
    ['developers', unlessEmpty(byName(developers, developersJson))],
    ['revocations', some(revocations.map(revocationJson))],
    [
      'succession',
      some(
        succession.map(({ principal, from, to, date }) =>
          jsonObject([
            ['principal', principal],
            ['from', from],
            ['to', to],
            ['date', printTimestamp(date)],
          ]),
        ),
      ),
    ],
    ['rules', rules],
    [
      'teams',
      unlessEmpty(
        byName(teams, ({ names, urls }) =>
          jsonObject([
            ['names', names],
            ['urls', some(urls)],
          ]),
        ),
      ),
    ],
  ])
}

function principalJson({ about, keys }: ListedPrincipal): JsonObject {
  return jsonObject([
    ['about', about],
    ['keys', keys.map(keyJson)],
  ])
}

function keyJson(key: ListedKey): JsonValue {
  const validity = [
    ['valid-from', key.validFrom === undefined ? undefined : printTimestamp(key.validFrom)],
    ['valid-until', key.validUntil === undefined ? undefined : printTimestamp(key.validUntil)],
  ] as const
  if ('openpgp' in key)
    return jsonObject([['openpgp', key.openpgp], ['certificate', key.certificate], ...validity])
  const object = jsonObject([['key', key.key], ...validity, ['namespaces', key.namespaces]])
  return object.size === 1 ? key.key : object
}

function developersJson(entry: ListedDevelopers): JsonObject {
  return jsonObject([
    ['names', entry.names],
    ['urls', some(entry.urls)],
    ['by', entry.by],
    ['threshold', entry.threshold],
    ['standing', entry.standing],
    [
      'provenance',
      some(
        entry.provenance.map(from =>
          jsonObject([
            ['distribution', from.distribution],
            ['package', from.package],
            ['version', from.version],
            ['sha256', from.sha256],
            ['archive-key', from.archiveKey],
            ['date', from.date],
          ]),
        ),
      ),
    ],
    [
      'tried',
      some(
        entry.tried.map(({ file, sha256, result, date }) =>
          jsonObject([
            ['file', file],
            ['sha256', sha256],
            ['result', result],
            ['date', date],
          ]),
        ),
      ),
    ],
  ])
}

/** A revocation as `revocations` has it. */
export function revocationJson({ target, date, reason }: ListedRevocation): JsonObject {
  return jsonObject([...Object.entries(target), ['date', printTimestamp(date)], ['reason', reason]])
}

function byName<T>(map: ReadonlyMap<string, T>, json: (value: T) => JsonValue): JsonObject {
  const sorted = [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  return jsonObject(sorted.map(([name, value]) => [name, json(value)]))
}

function unlessEmpty(object: JsonObject): JsonObject | undefined {
  return object.size === 0 ? undefined : object
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}
