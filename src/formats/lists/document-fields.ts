/** Fields that recur in list.json, each with its limit. */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type JsonNode, listOf, malformed, namedNodes, positiveOf, stringOf } from '../json/shape.ts'
import { parseTimestamp, printTimestamp } from '../timestamp.ts'

const TEXT_LIMIT = 1000
export const URL_LIMIT = 1024
/** A store path's name has at most 211 characters. */
const GLOB_LIMIT = 211

/** The entries of an object by names of this form; none if it is absent. Throws FormatError. */
export function entriesOf(
  node: JsonNode | undefined,
  limit: number,
  form: RegExp,
): readonly (readonly [string, JsonNode])[] {
  if (node === undefined) return []
  const entries = namedNodes(node, limit)
  const other = entries.find(([name]) => !form.test(name))
  if (other !== undefined) throw malformed(node, `"${printable(other[0], 100)}" cannot be a name`)
  return entries
}

/** A list of names that are known, each once, and at least one. Throws FormatError. */
export function namesOf(
  node: JsonNode,
  limit: number,
  problemOf: (name: string) => string | undefined,
): readonly string[] {
  const names = textsOf(node, limit, item => {
    const name = stringOf(item)
    const problem = problemOf(name)
    if (problem !== undefined) throw malformed(item, `"${printable(name, 100)}" ${problem}`)
    return name
  })
  if (names.length === 0) throw malformed(node, 'names nobody')
  return names
}

/** A list without repetitions; empty if it is absent. Throws FormatError. */
export function textsOf(
  node: JsonNode | undefined,
  limit: number,
  read: (item: JsonNode) => string,
): readonly string[] {
  if (node === undefined) return []
  const texts = listOf(node, limit).map(read)
  if (new Set(texts).size < texts.length) throw malformed(node, 'has an entry twice')
  return texts
}

/** A number of people, from 1 to this many. Throws FormatError. */
export function thresholdOf(node: JsonNode, most: number): number {
  const value = positiveOf(node)
  if (value > most) throw malformed(node, `${value} are needed of ${most}`)
  return value
}

/**
 * A text that shows all its characters and neither begins nor ends with a space, with a limit in
 * UTF-16 units or that of texts. Throws FormatError.
 */
export function plainOf(node: JsonNode, limit: number | 'text'): string {
  const text = stringOf(node)
  const most = limit === 'text' ? TEXT_LIMIT : limit
  if (text.length > most) throw malformed(node, `longer than ${most} characters`)
  if (printable(text, text.length) !== text.replaceAll('\\', '\\\\'))
    throw malformed(node, 'has control or invisible characters')
  if (text === '' || text.trim() !== text) throw malformed(node, 'is empty, or begins or ends with a space')
  return text
}

/** A glob over names of store paths, as in a policy. Throws FormatError. */
export function globOf(node: JsonNode): string {
  const glob = stringOf(node)
  if (glob.length > GLOB_LIMIT) throw malformed(node, `longer than ${GLOB_LIMIT} characters`)
  if (!/^[0-9A-Za-z+._?=*-]+$/.test(glob))
    throw malformed(node, 'no name matches: names of sources have letters, digits and +-._?= alone')
  return glob
}

/** Seconds since 1970 of a time in whole seconds in UTC. Throws FormatError for any other form. */
export function instantOf(node: JsonNode): number {
  const text = stringOf(node)
  const seconds = secondsOf(text)
  if (seconds === undefined || seconds < 0)
    throw malformed(node, 'must be a time in whole seconds in UTC (2026-12-31T18:00:00Z)')
  return seconds
}

/** A day of the calendar: `2026-12-31`. Throws FormatError. */
export function dayOf(node: JsonNode): string {
  const text = stringOf(node)
  if (secondsOf(`${text}T00:00:00Z`) === undefined) throw malformed(node, 'must be a day (2026-12-31)')
  return text
}

/** The fingerprint of a primary key: 40 or 64 upper-case hexadecimal digits. Throws FormatError. */
export function fingerprintOf(node: JsonNode): string {
  const text = stringOf(node)
  if (!/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(text))
    throw malformed(node, 'must be a fingerprint of 40 or 64 upper-case hexadecimal digits')
  return text
}

function secondsOf(text: string): number | undefined {
  try {
    const seconds = parseTimestamp(text)
    return printTimestamp(seconds) === text ? seconds : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
