/**
 * Revocations that were taken at once from states that nobody has agreed to. They stay in force
 * until a state is accepted: neither a mirror that shows that state no more, nor a later state that
 * nobody has agreed to either, takes them back. In `NAME/revoked`:
 *
 *     { "format": "nixsig-revoked-1", "parts": [ { "team": "gnome", "revocations": [ … ] } ] }
 *
 * with revocations as list.json has them; the list's own part has no `team`.
 */
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { removeFile } from '../../files/remove-file.ts'
import { jsonObject, printJson } from '../../formats/json/print.ts'
import { fields, listOf, malformed, rootNode, stringOf } from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { COUNTS } from '../../formats/lists/document.ts'
import type { ListedRevocation } from '../../formats/lists/listed.ts'
import { revocationJson } from '../../formats/lists/print-document.ts'
import { REVOCATION_LIMIT, readRevocations } from '../../formats/lists/revocations.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Contents } from './contents.ts'

const FORMAT = 'nixsig-revoked-1'
/** Teams, and the list itself. */
const PART_LIMIT = COUNTS.teams + 1
const TEXT_LIMIT = 16 * 1024 * 1024
/** A character takes up to three bytes. */
const BYTE_LIMIT = 3 * TEXT_LIMIT

/** By team; `undefined` for the list itself. */
export type Revoked = ReadonlyMap<string | undefined, readonly ListedRevocation[]>

/** What a state revokes. */
export function revokedBy({ parts }: Contents): Revoked {
  return new Map(parts.map(({ team, document }) => [team, document.revocations]))
}

/** What either revokes, each once. */
export function both(some: Revoked, others: Revoked): Revoked {
  const teams = new Set([...some.keys(), ...others.keys()])
  return new Map([...teams].map(team => [team, union(some.get(team), others.get(team))]))
}

/** What of this counts in a state that does not revoke it itself: of its own teams alone. */
export function besides({ parts }: Contents, revoked: Revoked): Revoked {
  return new Map(parts.map(({ team, document }) => [team, missing(revoked.get(team), document.revocations)]))
}

/** A state with these revocations as well. Those of teams that it does not have revoke nothing. */
export function withRevoked(contents: Contents, revoked: Revoked): Contents {
  const [main, ...teams] = contents.parts.map(part => {
    const { document, team } = part
    return { ...part, document: { ...document, revocations: union(document.revocations, revoked.get(team)) } }
  })
  return main === undefined ? contents : { ...contents, parts: [main, ...teams] }
}

/**
 * What was taken at once in the directory of a list. Throws FileError, with the next step, where it
 * is damaged or not safe to read: what it said may be in no other place than the book in force.
 */
export function readTaken(directory: string): Revoked {
  const bytes = readOwnedFile(fileIn(directory), BYTE_LIMIT)
  if (bytes === undefined) return new Map()
  try {
    return parseTaken(bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const file = fileIn(directory)
    throw new FileError(
      `${printable(file)} is damaged (${printable(error.message, 200)}), and has revocations that were taken at once; those of the state in force here stay; next: nixsig trust show, then rm ${printable(file)} and nixsig trust update: see that it revokes the same again`,
    )
  }
}

/**
 * What a newer state is compared with: what was accepted, with those of the revocations taken at
 * once that the newer state does not have. Those that it has are new to whoever has not agreed yet;
 * those that it has not are taken back by it, and somebody has to agree to that.
 */
export function beforeOf(directory: string, accepted: Contents, newer: Contents): Contents {
  const kept = revokedBy(newer)
  const taken = [...readTaken(directory)].map(
    ([team, revocations]) => [team, missing(revocations, kept.get(team))] as const,
  )
  return withRevoked(accepted, new Map(taken))
}

/** Keeps them, durably. Throws FileError if there are more than any list may have. */
export function keepTaken(directory: string, revoked: Revoked): void {
  const parts = [...revoked].filter(([, revocations]) => revocations.length > 0)
  const json = jsonObject([
    ['format', FORMAT],
    [
      'parts',
      parts.map(([team, revocations]) =>
        jsonObject([
          ['team', team],
          ['revocations', revocations.map(revocationJson)],
        ]),
      ),
    ],
  ])
  const text = `${printJson(json)}\n`
  const isTooMuch =
    parts.some(([, revocations]) => revocations.length > REVOCATION_LIMIT) || text.length > TEXT_LIMIT
  if (isTooMuch)
    throw new FileError(
      'too many revocations would be in force besides what was agreed to; next: unsubscribe, or set updates = "auto" in the policy, which takes the newest state as it is',
    )
  if (readOwnedFile(fileIn(directory), BYTE_LIMIT)?.toString() !== text)
    writeDurably(fileIn(directory), text, { flush: true })
}

/** Forgets them: a state was accepted. */
export function forgetTaken(directory: string): void {
  removeFile(fileIn(directory))
}

function fileIn(directory: string): string {
  return join(directory, 'revoked')
}

function parseTaken(bytes: Uint8Array): Revoked {
  const value = parseStrictJson(decodeUtf8(bytes, 'revocations'), { length: TEXT_LIMIT, depth: 6 })
  const root = fields(rootNode('revocations', value), {
    required: ['format', 'parts'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(root.format) !== FORMAT) throw malformed(root.format, `must be "${FORMAT}"`)
  return new Map(
    listOf(root.parts, PART_LIMIT).map(node => {
      const { team, revocations } = fields(node, {
        required: ['revocations'],
        optional: ['team'],
        others: 'refuse',
      })
      return [team && stringOf(team), readRevocations(revocations)]
    }),
  )
}

type Some = readonly ListedRevocation[] | undefined

function union(some: Some = [], others: Some): readonly ListedRevocation[] {
  return [...some, ...missing(others, some)]
}

function missing(some: Some = [], others: Some = []): readonly ListedRevocation[] {
  const known = new Set(others.map(each => JSON.stringify(each)))
  return some.filter(each => !known.has(JSON.stringify(each)))
}
