/**
 * A small part of Scheme's notation (R7RS, section 7.1): lists in parentheses, symbols, strings and
 * comments to the end of the line. Everything else that Guile's reader knows is refused.
 */
import { FormatError } from '../primitives/format-error.ts'
import { decodeUtf8 } from './json/strict.ts'

const SIZE_LIMIT = 1024 * 1024
const DEPTH_LIMIT = 8

/** A list, a string, or a symbol (also a number, as it is written). */
export type SExpression =
  | { readonly kind: 'list'; readonly items: readonly SExpression[]; readonly line: number }
  | { readonly kind: 'string' | 'symbol'; readonly text: string; readonly line: number }

type Draft = { readonly kind: 'list'; readonly items: SExpression[]; readonly line: number }

/** White space and comments, or one token, at the place where it is tried. */
const SPACE = /(?:[ \t\r\n]|;[^\n]*(?:\n|$))+/y
const TOKEN = /([()])|"((?:[^"\\]|\\["\\])*)"|([A-Za-z0-9!$%&*/<=>?^_~+@.:-]+)/y

/**
 * Reads the one expression of a text, at most 1 MiB and 8 lists deep. Throws FormatError with the
 * line, also if anything but comments follows: Guile reads no further, and a person does.
 */
export function parseSExpression(bytes: Uint8Array): SExpression {
  if (bytes.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`, 1)
  const text = decodeUtf8(bytes, 's-expression')
  const open: Draft[] = []
  let whole: SExpression | undefined
  for (const token of tokensOf(text)) {
    if (whole !== undefined) throw malformed('something after the first expression', token.line)
    if (token.kind === 'open') {
      if (open.length === DEPTH_LIMIT) throw malformed(`lists more than ${DEPTH_LIMIT} deep`, token.line)
      open.push({ kind: 'list', items: [], line: token.line })
      continue
    }
    const done: SExpression | undefined = token.kind === 'close' ? open.pop() : token
    if (done === undefined) throw malformed('a closing parenthesis that closes nothing', token.line)
    const outer = open.at(-1)
    if (outer === undefined) whole = done
    else outer.items.push(done)
  }
  if (whole === undefined) throw malformed('it has no end', open[0]?.line ?? 1)
  return whole
}

type Token =
  | { readonly kind: 'open'; readonly line: number }
  | { readonly kind: 'close'; readonly line: number }
  | Exclude<SExpression, { readonly kind: 'list' }>

function* tokensOf(text: string): Generator<Token> {
  let line = 1
  for (let at = 0; at < text.length; ) {
    SPACE.lastIndex = at
    const space = SPACE.exec(text)?.[0] ?? ''
    line += linesIn(space)
    at += space.length
    if (at === text.length) return
    TOKEN.lastIndex = at
    const [token, parenthesis, string, symbol] = TOKEN.exec(text) ?? []
    if (token === undefined) throw malformed('neither a list, a string nor a symbol', line)
    const end = at + token.length
    const isApart = parenthesis !== undefined || end === text.length || /[\s();]/.test(text.charAt(end))
    if (!isApart) throw malformed('two tokens without space between them', line)
    if (parenthesis !== undefined) yield { kind: parenthesis === '(' ? 'open' : 'close', line }
    else if (string !== undefined) yield { kind: 'string', text: string.replace(/\\(.)/gs, '$1'), line }
    else yield { kind: 'symbol', text: symbol ?? '', line }
    line += linesIn(token)
    at = end
  }
}

function linesIn(text: string): number {
  return text.split('\n').length - 1
}

function malformed(problem: string, line: number): FormatError {
  return new FormatError('s-expression', problem, `line ${line}`)
}
