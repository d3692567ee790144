/**
 * Reads assignments out of shell text, PKGBUILDs and ebuilds, without running any of it. What only
 * a shell could know becomes `*`.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { type Change, changed, changeOf } from './shell-change.ts'

const SIZE_LIMIT = 1024 * 1024
const WORD_COUNT = 20_000
const DEPTH_LIMIT = 8
const LENGTH_LIMIT = 8192
const BRACE_LIMIT = 64

type Part = { readonly text: string } | Variable | 'any'
type Word = readonly Part[]

interface Variable {
  readonly variable: string
  readonly change?: Change
}

/** One `NAME=…` or `NAME+=…`. */
interface Assignment {
  readonly words: readonly Word[]
  readonly adds: boolean
}

/** What a text assigns, outside its functions. */
export class Assignments {
  readonly #assigned: ReadonlyMap<string, readonly Assignment[]>
  readonly #known: ReadonlyMap<string, string>

  /** `known`: values that prevail over the text's own, as globs. */
  constructor(assigned: ReadonlyMap<string, readonly Assignment[]>, known: ReadonlyMap<string, string>) {
    this.#assigned = assigned
    this.#known = known
  }

  /**
   * All words that are assigned to a name, by whichever assignments, with braces expanded. `*`
   * stands for what is not known.
   */
  all(name: string): readonly string[] {
    const words = (this.#assigned.get(name) ?? []).flatMap(each => each.words)
    return words.flatMap(word => braced(this.#expanded(word, 0)))
  }

  #expanded(word: Word, depth: number): string {
    let result = ''
    for (const part of word) {
      result += part === 'any' ? '*' : 'text' in part ? part.text : this.#changed(part, depth + 1)
      if (result.length > LENGTH_LIMIT) return '*'
    }
    return result.replace(/\*{2,}/g, '*')
  }

  #changed({ variable, change }: Variable, depth: number): string {
    const value = this.#valueOf(variable, depth)
    return change === undefined ? value : changed(value, change)
  }

  /** The value of a variable that the text assigns exactly once; of an array, its first word. */
  #valueOf(name: string, depth: number): string {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const [assignment, another] = this.#assigned.get(name) ?? []
    const word = assignment?.words[0]
    if (word === undefined || assignment?.adds !== false || another !== undefined || depth > DEPTH_LIMIT)
      return '*'
    return this.#expanded(word, depth)
  }
}

/** Reads a text. Throws FormatError if it is too long or something in it does not end. */
export function readAssignments(text: string, known: ReadonlyMap<string, string>): Assignments {
  if (text.length > SIZE_LIMIT) throw malformed(`longer than ${SIZE_LIMIT} characters`, 0)
  const assigned = new Map<string, Assignment[]>()
  let count = 0
  for (let at = 0; at < text.length; ) {
    const end = lineEnd(text, at)
    const line = text.slice(at, Math.min(end, at + 200))
    const [head, name, plus] =
      /^[ \t]*(?:declare |export |local )?([A-Za-z_][0-9A-Za-z_]{0,63})(\+?)=/.exec(line) ?? []
    if (/^(?:function[ \t]+)?[0-9A-Za-z_.+-]+[ \t]*\([ \t]*\)/.test(line)) {
      at = afterFunction(text, end)
    } else if (head === undefined || name === undefined) {
      at = end + 1
    } else {
      const read = valueAt(text, at + head.length)
      count += read.words.length
      if (count > WORD_COUNT) throw malformed(`more than ${WORD_COUNT} words`, at)
      const assignment = { words: read.words, adds: plus === '+' }
      assigned.set(name, [...(assigned.get(name) ?? []), assignment])
      // Whatever follows on the line is another command.
      at = lineEnd(text, read.at) + 1
    }
  }
  return new Assignments(assigned, known)
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** Functions end with a brace at the beginning of a line, as both kinds of files write them. */
function afterFunction(text: string, from: number): number {
  const before = text.lastIndexOf('\n', from - 1) + 1
  if (/\}[ \t]*$/.test(text.slice(before, from).slice(-200))) return from + 1
  const end = text.indexOf('\n}', from)
  return end < 0 ? text.length : end + 2
}

interface Read {
  readonly words: readonly Word[]
  /** Where reading goes on. */
  readonly at: number
}

function valueAt(text: string, start: number): Read {
  if (text.charAt(start) !== '(') {
    const { word, at } = wordAt(text, start)
    return { words: [word], at }
  }
  const words: Word[] = []
  for (let at = start + 1; at < text.length; ) {
    const char = text.charAt(at)
    if (char === ')') return { words, at: at + 1 }
    if (char === '#') at = lineEnd(text, at)
    else if (' \t\r\n'.includes(char)) at++
    else {
      const read = wordAt(text, at)
      words.push(read.word)
      at = Math.max(read.at, at + 1)
    }
  }
  throw malformed('an array without an end', start)
}

/** One word, up to white space or a character that ends a command. */
function wordAt(text: string, start: number): { readonly word: Word; readonly at: number } {
  const word: Part[] = []
  let quoted = false
  let at = start
  while (at < text.length) {
    const char = text.charAt(at)
    if (char === '"') {
      quoted = !quoted
      at++
    } else if (char === "'" && !quoted) {
      const end = text.indexOf("'", at + 1)
      if (end < 0) throw malformed('a quotation without an end', at)
      word.push({ text: text.slice(at + 1, end) })
      at = end + 1
    } else if (char === '\\') {
      if (text.charAt(at + 1) !== '\n') word.push({ text: text.charAt(at + 1) })
      at += 2
    } else if (char === '$' || char === '`') {
      const read = expansionAt(text, at)
      word.push(read.part)
      at = read.at
    } else if (!quoted && ' \t\r\n;&|<>()'.includes(char)) {
      return { word, at }
    } else {
      let end = at + 1
      while (end < text.length && !'"\'\\$` \t\r\n;&|<>()'.includes(text.charAt(end))) end++
      word.push({ text: text.slice(at, end) })
      at = end
    }
  }
  if (quoted) throw malformed('a quotation without an end', start)
  return { word, at }
}

/** `$name`, `${name}` and the changes below are read; every other expansion could be anything. */
function expansionAt(text: string, start: number): { readonly part: Part; readonly at: number } {
  const near = text.slice(start, start + 200)
  const [plain, bare, braced] =
    /^\$(?:([A-Za-z_][0-9A-Za-z_]{0,63})|\{([A-Za-z_][0-9A-Za-z_]{0,63})\})/.exec(near) ?? []
  if (plain !== undefined) return { part: { variable: bare ?? braced ?? '' }, at: start + plain.length }
  const variable = changedVariable(near)
  if (variable !== undefined) return { part: variable.part, at: start + variable.length }
  if (text.charAt(start) === '`') {
    const end = text.indexOf('`', start + 1)
    if (end < 0) throw malformed('a command without an end', start)
    return { part: 'any', at: end + 1 }
  }
  const open = text.charAt(start + 1)
  if (open !== '(' && open !== '{') return { part: 'any', at: start + 2 }
  const close = open === '(' ? ')' : '}'
  let depth = 0
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '\\') at++
    else if (char === open) depth++
    else if (char === close && --depth === 0) return { part: 'any', at: at + 1 }
  }
  throw malformed('an expansion without an end', start)
}

/** `${name,,}` and its like at the beginning of a text. */
function changedVariable(text: string): { readonly part: Variable; readonly length: number } | undefined {
  const [whole, variable, written = ''] =
    /^\$\{([A-Za-z_][0-9A-Za-z_]{0,63})([^0-9A-Za-z_{}][^{}]{0,99})\}/.exec(text) ?? []
  const change = changeOf(written)
  if (whole === undefined || variable === undefined || change === undefined) return undefined
  return { part: { variable, change }, length: whole.length }
}

/** `a{,.sig}` is two words. Beyond 64 words, and for nested braces, a word stays as it is. */
function braced(word: string): readonly string[] {
  let words: readonly string[] = ['']
  for (let at = 0; at < word.length; ) {
    const [group, inner] = /^\{([^{}]*,[^{}]*)\}/.exec(word.slice(at, at + 500)) ?? []
    const choices = inner?.split(',') ?? [word.charAt(at)]
    if (words.length * choices.length > BRACE_LIMIT) return [word]
    words = words.flatMap(begun => choices.map(choice => begun + choice))
    at += group?.length ?? 1
  }
  return words
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('shell text', problem, `offset ${offset}`)
}
