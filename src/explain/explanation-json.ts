/**
 * An explanation as one JSON document: what the gate sends to users who ask, and `--json` prints.
 */
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  objectOf,
  readString,
  rootNode,
  stringOf,
} from '../formats/json/shape.ts'
import { type JsonValue, parseStrictJson } from '../formats/json/strict.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { CHAIN_LEVELS, chainJson, chainOfJson, textOf } from './chain-json.ts'
import type { Explanation, Section } from './explain.ts'
import { jsonLine, type VerdictJson } from './verdict-json.ts'

/** The version of the document. */
const VERSION = 1
const FORMAT = 'explanation'

/** The most levels: of a chain. */
const DEPTH = CHAIN_LEVELS

/** Bounds of a document. */
const SECTIONS = 16
const LINES = 256
const FINDINGS = 256
const CHARACTERS = 8192

const STATUSES: readonly ExitCode[] = [0, 10, 11, 12, 13, 14, 20]
const PLACES = ['store', 'quarantine', 'nowhere'] as const
const MODES = ['enforce', 'warn'] as const
const OUTCOMES: readonly string[] = ['trusted', 'untrusted', 'indeterminate']

/**
 * An explanation in a line of printable ASCII, at most `limit` characters: a chain that does not fit is
 * left out, then the sections, with one that says so, then findings and strays after the first ones.
 */
export function printExplanation(explanation: Explanation, limit: number): string {
  const fitting = bounded(explanation)
  const whole = line(fitting)
  if (whole.length <= limit) return whole
  const { chain: _, ...unchained } = fitting
  const without = line(unchained)
  if (without.length <= limit) return without
  const cut = { title: 'left out', lines: ['the sections are too long for one answer'] }
  const { verdict } = fitting
  const short = line({ ...unchained, sections: [cut] })
  if (short.length <= limit) return short
  const [first] = verdict.findings
  return line({
    ...unchained,
    sections: [cut],
    verdict: { ...verdict, findings: first === undefined ? [] : [first], strays: [] },
  })
}

function line({ path, mode, verdict, grounds, next, sections, chain, ...rest }: Explanation): string {
  const { advice, status, place } = rest
  return jsonLine({
    version: VERSION,
    path,
    mode: mode ?? null,
    status,
    grounds: grounds.split('\n'),
    next,
    sections: sections.map(({ title, lines }) => ({ title, lines })),
    advice,
    place,
    verdict,
    chain: chain === undefined ? null : chainJson(chain),
  })
}

function bounded(explanation: Explanation): Explanation {
  const { verdict, grounds, sections, advice } = explanation
  return {
    ...explanation,
    grounds: few(grounds.split('\n')).join('\n'),
    advice: few(advice),
    sections: sections.slice(0, SECTIONS).map(({ title, lines }) => ({ title, lines: few(lines) })),
    verdict: {
      ...verdict,
      findings: verdict.findings.slice(0, FINDINGS),
      strays: verdict.strays.slice(0, FINDINGS),
    },
  }
}

function few(lines: readonly string[]): readonly string[] {
  const kept = lines.map(text => (text.length > CHARACTERS ? `${text.slice(0, CHARACTERS - 3)}...` : text))
  if (kept.length <= LINES) return kept
  return [...kept.slice(0, LINES - 1), `and ${kept.length - LINES + 1} more`]
}

/** Reads such a document, which must be about this path. Throws FormatError for anything else. */
export function parseExplanation(text: string, path: string): Explanation {
  const json = parseStrictJson(text, { length: text.length, depth: DEPTH })
  const document = fields(rootNode(FORMAT, json), {
    required: [
      'version',
      'path',
      'mode',
      'status',
      'grounds',
      'next',
      'sections',
      'advice',
      'place',
      'verdict',
    ],
    // The gate of an earlier version sends none.
    optional: ['chain'],
    others: 'refuse',
  })
  if (document.version.value !== VERSION) throw malformed(document.version, `must be ${VERSION}`)
  if (stringOf(document.path) !== path) throw malformed(document.path, 'is not the path that was asked about')
  return {
    path,
    mode: modeOf(document.mode),
    verdict: verdictOf(document.verdict),
    grounds: linesOf(document.grounds).join('\n'),
    next: textOf(document.next),
    sections: listOf(document.sections, SECTIONS).map(sectionOf),
    advice: linesOf(document.advice),
    status: statusOf(document.status),
    place: placeOf(document.place),
    ...(document.chain === undefined || document.chain.value === null
      ? {}
      : { chain: chainOfJson(document.chain) }),
  }
}

function sectionOf(node: JsonNode): Section {
  const section = fields(node, { required: ['title', 'lines'], optional: [], others: 'refuse' })
  return { title: textOf(section.title), lines: linesOf(section.lines) }
}

/** A verdict as `verify --json` prints it. */
function verdictOf(node: JsonNode): VerdictJson {
  const verdict = fields(node, {
    required: ['path', 'kind', 'outcome', 'status', 'ground', 'rule', 'findings', 'strays'],
    optional: ['basis', 'until', 'contents'],
    others: 'refuse',
  })
  readString(verdict.path, parseStorePath)
  stringOf(verdict.kind)
  stringOf(verdict.ground)
  if (verdict.rule.value !== null) stringOf(verdict.rule)
  if (!OUTCOMES.includes(stringOf(verdict.outcome))) throw malformed(verdict.outcome, 'is not an outcome')
  const status = statusOf(verdict.status)
  if ((status === 0) !== (verdict.outcome.value === 'trusted'))
    throw malformed(verdict.status, 'does not fit its outcome')
  for (const finding of listOf(verdict.findings, FINDINGS)) {
    const { code, message } = fields(finding, {
      required: ['code', 'message'],
      optional: ['path'],
      others: 'refuse',
    })
    stringOf(code)
    textOf(message)
  }
  for (const stray of listOf(verdict.strays, FINDINGS)) objectOf(stray)
  // Checked above; what it holds besides is printed as JSON, which escapes it.
  return plain(node.value) as unknown as VerdictJson
}

function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]))
  return Array.isArray(value) ? value.map(plain) : value
}

function modeOf(node: JsonNode): Explanation['mode'] {
  if (node.value === null) return undefined
  const mode = MODES.find(known => known === node.value)
  if (mode === undefined) throw malformed(node, 'is not a mode of a policy')
  return mode
}

function statusOf(node: JsonNode): ExitCode {
  const status = STATUSES.find(known => known === node.value)
  if (status === undefined) throw malformed(node, 'is not an exit status of a verdict')
  return status
}

function placeOf(node: JsonNode): Explanation['place'] {
  const place = PLACES.find(known => known === node.value)
  if (place === undefined) throw malformed(node, 'is not a place')
  return place
}

function linesOf(node: JsonNode): readonly string[] {
  return listOf(node, LINES).map(textOf)
}
