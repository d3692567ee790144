/** Reads lines of the decision log, which may have been written by anybody who was root. */
import { fields, type JsonNode, listOf, rootNode } from '../formats/json/shape.ts'
import { parseStrictJson } from '../formats/json/strict.ts'
import { FormatError } from '../primitives/format-error.ts'
import {
  type Beginning,
  type Decision,
  DOORS,
  type Door,
  type LeftOut,
  LINE_LIMIT,
  NO_LINE,
  type Place,
  printBeginning,
  printDecision,
  printLeftOut,
} from './line.ts'

/** A line that was read. */
export type Line = Place &
  (
    | ({ readonly kind: 'beginning' } & Beginning)
    | ({ readonly kind: 'decision' } & Decision)
    | ({ readonly kind: 'left-out' } & LeftOut)
  )

const FORMAT = 'decision log'
const OUTCOMES: readonly unknown[] = ['trusted', 'untrusted', 'indeterminate']
const MODES: readonly unknown[] = ['enforce', 'warn']
const SHA256 = /^[0-9a-f]{64}$/
const LOG = /^[0-9a-f]{32}$/
const IDENTITY = /^[\x21-\x7e]{1,128}$/
const POLICY = /^[!-~]{1,128}$/

/**
 * Reads a line without its line break. There is one way to write each line: throws FormatError for
 * any other, so that no two readers can understand a line differently.
 */
export function parseLine(text: string): Line {
  if (text.length > LINE_LIMIT) throw malformed(`longer than ${LINE_LIMIT} bytes`)
  if (!/^[ -~]+$/.test(text)) throw malformed('a character that is not printable ASCII, or nothing at all')
  const value = parseStrictJson(text, { length: LINE_LIMIT, depth: 2, values: 64 })
  const line = lineOf(rootNode(FORMAT, value))
  if (printLine(line) !== text) throw malformed('not written in the one way that a line is written')
  return line
}

/** The line as it is written, without a line break. */
export function printLine(line: Line): string {
  if (line.kind === 'beginning') return printBeginning(line, line)
  return line.kind === 'decision' ? printDecision(line, line) : printLeftOut(line, line)
}

/** The last moment that a Date can be, in milliseconds since 1970. */
const LAST_TIME = 8.64e15

const PLACE = ['number', 'previous', 'time'] as const

function lineOf(node: JsonNode): Line {
  const all = node.value instanceof Map ? node.value : new Map()
  if (all.has('log')) return beginningOf(node)
  return all.has('left_out') ? leftOutOf(node) : decisionOf(node)
}

function placeOf(node: Readonly<Record<(typeof PLACE)[number], JsonNode>>): Place {
  return { number: whole(node.number), previous: matching(node.previous, SHA256), time: timeOf(node.time) }
}

function beginningOf(node: JsonNode): Line {
  const known = fields(node, { required: [...PLACE, 'log', 'machine'], optional: [], others: 'refuse' })
  const machine = orNull(known.machine, given => matching(given, IDENTITY))
  const place = placeOf(known)
  if (place.number !== 0 || place.previous !== NO_LINE) throw malformed('a beginning behind other lines')
  return { kind: 'beginning', ...place, log: matching(known.log, LOG), machine }
}

function leftOutOf(node: JsonNode): Line {
  const required = [...PLACE, 'door', 'asker', 'left_out'] as const
  const known = fields(node, { required, optional: [], others: 'refuse' })
  return {
    kind: 'left-out',
    ...placeOf(known),
    door: among(known.door, DOORS) as Door,
    asker: text(known.asker),
    leftOut: whole(known.left_out),
  }
}

function decisionOf(node: JsonNode): Line {
  const required = [
    ...PLACE,
    'door',
    'asker',
    'path',
    'nar_hash',
    'outcome',
    'let_in',
    'ground',
    'evidence',
    'policy',
    'mode',
    'message',
  ] as const
  const known = fields(node, { required, optional: ['times'], others: 'refuse' })
  const { let_in: letIn, times } = known
  if (typeof letIn.value !== 'boolean') throw malformed('must be true or false', letIn.where)
  return {
    kind: 'decision',
    ...placeOf(known),
    door: among(known.door, DOORS) as Door,
    asker: text(known.asker),
    path: text(known.path),
    narHash: orNull(known.nar_hash, given => matching(given, SHA256)),
    outcome: among(known.outcome, OUTCOMES) as Decision['outcome'],
    letIn: letIn.value,
    ground: text(known.ground),
    evidence: listOf(known.evidence, 16).map(given => matching(given, SHA256)),
    policy: orNull(known.policy, given => matching(given, POLICY)),
    mode: orNull(known.mode, given => among(given, MODES)) as Decision['mode'],
    message: orNull(known.message, text),
    ...(times === undefined ? {} : { times: whole(times) }),
  }
}

function orNull<T>(node: JsonNode, read: (node: JsonNode) => T): T | undefined {
  return node.value === null ? undefined : read(node)
}

function whole({ value, where }: JsonNode): number {
  if (typeof value === 'number' && value >= 0) return value
  throw malformed('must be a whole number', where)
}

function timeOf(node: JsonNode): number {
  const time = whole(node)
  if (time > LAST_TIME) throw malformed('is later than any date', node.where)
  return time
}

function text({ value, where }: JsonNode): string {
  if (typeof value === 'string') return value
  throw malformed('must be text', where)
}

function matching(node: JsonNode, form: RegExp): string {
  const given = text(node)
  if (form.test(given)) return given
  throw malformed('is not of the right form', node.where)
}

function among(node: JsonNode, words: readonly unknown[]): string {
  const given = text(node)
  if (words.includes(given)) return given
  throw malformed('is none of the words for it', node.where)
}

function malformed(problem: string, where = 'the line'): FormatError {
  return new FormatError(FORMAT, problem, where)
}
