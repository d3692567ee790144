/**
 * Reads debian/watch, which tells uscan(1) where a package's sources come from, in the versions 3,
 * 4 and 5. Its patterns are Perl's regular expressions: they are read, never run.
 */
import { FormatError } from '../../../primitives/format-error.ts'
import { globOfRegex, globOfText } from '../pattern.ts'
import { type Paragraph, paragraphsOf } from './control.ts'

const SIZE_LIMIT = 64 * 1024
const SOURCE_LIMIT = 32

/** One source of a watch file. */
export interface WatchedSource {
  /**
   * The address of its files: a glob. Undefined if the file does not tell, or tells several at
   * once.
   */
  readonly address: string | undefined
  /** `pgpmode`, or `mangle` if only `pgpsigurlmangle` is there; `none` if no signature is named. */
  readonly signature: string
}

/** The sources of a watch file, for a package of this name. Throws FormatError. */
export function readWatch(text: string, packageName: string): readonly WatchedSource[] {
  if (text.length > SIZE_LIMIT) throw malformed(`longer than ${SIZE_LIMIT} characters`)
  const sources = /^version *: *5/im.test(text)
    ? [...paragraphsOf(text)].flatMap((fields, index) => fieldsSource(fields, index, packageName))
    : linesOf(text).flatMap(line => lineSource(line, packageName))
  if (sources.length > SOURCE_LIMIT) throw malformed(`more than ${SOURCE_LIMIT} sources`)
  return sources
}

/** Lines without comments, with those that go on after a backslash in one piece. */
function linesOf(text: string): readonly string[] {
  const lines: string[] = []
  let begun: string | undefined
  for (const line of text.split('\n')) {
    if (begun === undefined && line.trimStart().startsWith('#')) continue
    const trimmed = line.trim()
    const goesOn = trimmed.endsWith('\\')
    const whole = `${begun ?? ''}${goesOn ? trimmed.slice(0, -1) : trimmed}`
    if (goesOn) begun = whole
    else {
      if (whole !== '') lines.push(whole)
      begun = undefined
    }
  }
  if (begun !== undefined) lines.push(begun)
  return lines
}

function lineSource(line: string, packageName: string): readonly WatchedSource[] {
  if (/^version *= *\d+$/.test(line)) return []
  const { options, rest } = optionsOf(line)
  const [base = '', second = ''] = rest.split(/[ \t]+/)
  if (base === '') return []
  const optional = (name: string) =>
    options.map(option => option.trim()).find(option => option.startsWith(`${name}=`))
  const mode = optional('pgpmode')?.slice('pgpmode='.length)
  const signature = mode ?? (optional('pgpsigurlmangle') === undefined ? 'none' : 'mangle')
  if (optional('mode') === 'mode=git' || optional('mode') === 'mode=svn')
    return [{ address: undefined, signature }]
  // The end of the address is the pattern if it has a group (uscan(1), "PATTERN").
  const end = base.slice(base.lastIndexOf('/') + 1)
  const isPattern = (end.includes('(') && end.includes(')')) || end.includes('_VERSION@')
  const pattern = isPattern ? undefined : second
  return [{ address: addressOf(substituted(base, packageName), pattern, packageName), signature }]
}

/** `opts=a,b URL …` or `opts="a, b" URL …`. */
function optionsOf(line: string): { readonly options: readonly string[]; readonly rest: string } {
  const [head] = /^(?:opts|options)=/.exec(line) ?? []
  if (head === undefined) return { options: [], rest: line }
  const isQuoted = line.charAt(head.length) === '"'
  const start = head.length + (isQuoted ? 1 : 0)
  const found = isQuoted ? line.indexOf('"', start) : line.slice(start).search(/[ \t]/) + start
  if (found < start) throw malformed('options without an end')
  // Commas within a substitution split it: nothing but the beginnings of options is looked at.
  return { options: line.slice(start, found).split(','), rest: line.slice(found + 1).trim() }
}

function fieldsSource(fields: Paragraph, index: number, packageName: string): readonly WatchedSource[] {
  const field = (name: string) => fields.get(name)?.replaceAll('\n', ' ').trim()
  const mode = field('pgp-mode')
  const mangle = field('pgp-sig-url-mangle') ?? field('pgpsigurlmangle')
  const signature = mode ?? (mangle === undefined ? 'none' : 'mangle')
  const forge = FORGE_TEMPLATES[field('template')?.toLowerCase() ?? '']
  const [owner, project, dist] = [field('owner'), field('project'), field('dist')]
  if (forge !== undefined && owner !== undefined)
    return [{ address: `${forge}/${globOfText(owner)}/${globOfText(project ?? packageName)}/*`, signature }]
  const source = field('source') ?? dist
  if (source === undefined)
    return index === 0 && fields.has('version') ? [] : [{ address: undefined, signature }]
  const pattern = field('matching-pattern') ?? (dist === undefined ? '' : '.*')
  return [{ address: addressOf(substituted(source, packageName), pattern, packageName), signature }]
}

const FORGE_TEMPLATES: Readonly<Record<string, string>> = {
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
}

/** Forges have a project's files below its own address, whatever page lists them. */
const FORGE = /^(https?:\/\/(?:github\.com|gitlab\.com|codeberg\.org)\/[^/]+\/[^/]+)(?:\/.*)?$/

function addressOf(base: string, pattern: string | undefined, packageName: string): string | undefined {
  if (pattern === undefined) return globOfRegex(base)
  const glob = globOfRegex(substituted(pattern, packageName))
  if (glob === undefined) return undefined
  if (/^(?:https?|ftp):\/\//.test(glob)) return glob
  const [, project] = FORGE.exec(base) ?? []
  const file = glob.slice(glob.lastIndexOf('/') + 1)
  if (project !== undefined) return `${globOfText(project)}/${file}`
  const page = base.includes('(') ? globOfRegex(base) : globOfText(base.split(/[?#]/, 1)[0] ?? '')
  if (page === undefined) return undefined
  const [, origin = ''] = /^([a-z]+:\/\/[^/]+)/.exec(page) ?? []
  if (glob.startsWith('/')) return `${origin}${glob}`
  // A page lists files beside it, or below.
  const directory = page.length > origin.length ? page.slice(0, page.lastIndexOf('/')) : origin
  return `${directory}/${glob.startsWith('*/') ? file : glob}`
}

/** What uscan puts in: names and versions. `-` stands before a version, if anything does. */
function substituted(text: string, packageName: string): string {
  return text
    .replaceAll('@PACKAGE@', packageName)
    .replace(/([-_]?)@(?:ANY|STABLE|SEMANTIC)_VERSION@/g, (_, before: string) => `${before || '-'}.*`)
    .replaceAll('@ARCHIVE_EXT@', '\\.tar\\..*')
    .replace(/@[A-Z_]{1,30}@/g, '.*')
}

function malformed(problem: string): FormatError {
  return new FormatError('debian/watch', problem, 'text')
}
