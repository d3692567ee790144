/** The frame of every document that nixsig writes in SARIF 2.1.0 (OASIS). Pure. */
import { createHash } from 'node:crypto'
import project from '../../package.json' with { type: 'json' }
import { jsonLine } from '../explain/verdict-json.ts'

/** What a result can be about. */
export interface SarifRule {
  readonly id: string
  /** One line, without a full stop. */
  readonly text: string
  /** What to do about it in general. */
  readonly help?: string
  /** From 0.1 to 10: how grave it is, as GitHub reads it. */
  readonly severity?: number
}

/** A line of a file. */
export interface SarifPlace {
  /** A path relative to the repository, or an absolute one. */
  readonly file: string
  /** From 1. */
  readonly line: number
}

export interface SarifResult {
  readonly rule: string
  readonly level: 'error' | 'warning' | 'note'
  /** Escaped for a terminal, see printable(). */
  readonly message: string
  /** The place that is shown. */
  readonly at: SarifPlace
  /** Other places that have to do with it. */
  readonly related?: readonly SarifPlace[]
  /**
   * What the result is about, raw, as far as it stays the same from one log to the next: by this
   * and the rule, GitHub tells that a finding is one it knows.
   */
  readonly about?: readonly string[]
  /** Store paths, and how many there are, if that is more. */
  readonly paths?: { readonly some: readonly string[]; readonly count: number }
}

export interface SarifRun {
  /** Tells logs of different machines apart: GitHub replaces what an earlier log of the same name said. */
  readonly name?: string
  /** RFC 3339. */
  readonly time?: string
  readonly rules: readonly SarifRule[]
  readonly results: readonly SarifResult[]
  readonly properties?: Readonly<Record<string, string | number>>
}

/** The document in one line of ASCII. */
export function sarifLog({ name, time, rules, results, properties }: SarifRun): string {
  const places = new Map(rules.map(({ id }, index) => [id, index]))
  const met = new Map<string, number>()
  const shown = results.map(result => {
    const fingerprint = fingerprintOf(result)
    const count = (met.get(fingerprint ?? '') ?? 0) + 1
    met.set(fingerprint ?? '', count)
    return resultOf(result, { rule: places.get(result.rule), fingerprint, count })
  })
  const bases = results.some(({ at, related = [] }) => [at, ...related].some(({ file }) => isAbsolute(file)))
  return jsonLine({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'nixsig',
            semanticVersion: project.version,
            version: project.version,
            rules: rules.map(ruleOf),
          },
        },
        ...(name === undefined ? {} : { automationDetails: { id: name } }),
        ...(time === undefined ? {} : { invocations: [{ executionSuccessful: true, startTimeUtc: time }] }),
        ...(bases ? { originalUriBaseIds: { [ROOT]: { uri: 'file:///' } } } : {}),
        columnKind: 'utf16CodeUnits',
        results: shown,
        ...(properties === undefined ? {} : { properties }),
      },
    ],
  })
}

/** How many bytes a result takes in the document. */
export function sizeOfResult(result: SarifResult): number {
  return jsonLine(resultOf(result, { rule: 0, fingerprint: fingerprintOf(result), count: 99_999 })).length + 1
}

/** Name of the directory that absolute paths are relative to: GitHub takes no absolute address. */
const ROOT = 'ROOT'

function ruleOf({ id, text, help, severity }: SarifRule): object {
  return {
    id,
    shortDescription: { text: `${text}.` },
    fullDescription: { text: help === undefined ? `${text}.` : `${text}. ${help}` },
    ...(help === undefined ? {} : { help: { text: help } }),
    ...(severity === undefined
      ? {}
      : { properties: { 'security-severity': severity.toFixed(1), tags: ['security', 'supply-chain'] } }),
  }
}

interface Place {
  /** Among the rules. */
  readonly rule: number | undefined
  readonly fingerprint: string | undefined
  /** The how many-th result with this fingerprint it is: two with the same hash would be one to GitHub. */
  readonly count: number
}

function resultOf(
  { rule, level, message, at, related = [], paths }: SarifResult,
  { rule: index, fingerprint, count }: Place,
): object {
  return {
    ruleId: rule,
    ...(index === undefined ? {} : { ruleIndex: index }),
    level,
    message: { text: messageText(message) },
    locations: [locationOf(at)],
    ...(related.length === 0 ? {} : { relatedLocations: related.map(locationOf) }),
    ...(fingerprint === undefined
      ? {}
      : { partialFingerprints: { primaryLocationLineHash: `${fingerprint}:${count}` } }),
    ...(paths === undefined ? {} : { properties: { paths: paths.some, pathCount: paths.count } }),
  }
}

/** 16 hex digits. */
function fingerprintOf({ rule, about }: SarifResult): string | undefined {
  if (about === undefined) return undefined
  return createHash('sha256')
    .update(JSON.stringify([rule, ...about]))
    .digest('hex')
    .slice(0, 16)
}

function locationOf({ file, line }: SarifPlace): object {
  const artifactLocation = isAbsolute(file)
    ? { uri: uriOf(file.replace(/^\/+/, '')), uriBaseId: ROOT }
    : { uri: uriOf(file) }
  return { physicalLocation: { artifactLocation, region: { startLine: line } } }
}

function isAbsolute(file: string): boolean {
  return file.startsWith('/')
}

/** A relative reference (RFC 3986): a name of a file may have any character but `/`. */
function uriOf(file: string): string {
  const names = file.replace(/\p{Cs}/gu, '\ufffd').split('/')
  return names.map(name => encodeURIComponent(name)).join('/') || '.'
}

/**
 * In such a message `[words](address)` is a link (section 3.11.6), and what comes from outside
 * could show one of its own; braces that do not stand for an argument are doubled (section 3.11.5).
 */
function messageText(text: string): string {
  return text.replaceAll('](', '] (').replace(/[{}]/g, '$&$&')
}
