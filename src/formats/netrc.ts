/**
 * Netrc files, as curl reads them, and so as Nix does: `machine HOST`, `login NAME`, `password
 * WORD`, `default`, `macdef NAME` up to an empty line, `#` before a comment; words in quotation
 * marks have escapes (curl 7.84).
 */
import { FormatError } from '../primitives/format-error.ts'

/** Most bytes of a file. */
export const NETRC_LIMIT = 1024 * 1024
/** Characters of a line: curl does not read longer ones whole. */
const LINE_LIMIT = 4095

/** Not both are empty. */
export interface Credentials {
  readonly login: string
  readonly password: string
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/**
 * The credentials for a host: of the first entry that is about it, or `default`, and has a
 * password. Without a login that one is empty. A last entry with a login alone has an empty
 * password. Undefined if no entry is about it. Throws FormatError for a quotation that does not
 * end, and for a line of more than 4095 characters; no error quotes the file.
 */
export function netrcCredentials(text: string, host: string): Credentials | undefined {
  let entry: { login?: string; password?: string } = {}
  let state: 'nothing' | 'machine' | 'macro' | 'ours' = 'nothing'
  let awaited: 'login' | 'password' | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (state === 'macro' && line !== '' && !line.startsWith('\r')) continue
    if (state === 'macro') state = 'nothing'
    if (line.length > LINE_LIMIT) throw problem(index, `it is longer than ${LINE_LIMIT} characters`)
    for (const word of wordsOf(line, index)) {
      const keyword = word.toLowerCase()
      if (state === 'machine') {
        state = keyword === host.toLowerCase() ? 'ours' : 'nothing'
      } else if (state === 'ours' && awaited !== undefined) {
        entry[awaited] = word
        awaited = undefined
        if (entry.login && entry.password) return { login: entry.login, password: entry.password }
      } else if (state === 'ours' && (keyword === 'login' || keyword === 'password')) {
        awaited = keyword
      } else if (keyword === 'machine' || keyword === 'default') {
        if (entry.password !== undefined) return complete(entry)
        entry = {}
        state = keyword === 'machine' ? 'machine' : 'ours'
      } else if (state === 'nothing' && keyword === 'macdef') {
        state = 'macro'
        break
      }
    }
  }
  return complete(entry)
}

function complete({
  login = '',
  password = '',
}: {
  readonly login?: string
  readonly password?: string
}): Credentials | undefined {
  return login === '' && password === '' ? undefined : { login, password }
}

function* wordsOf(line: string, index: number): Generator<string> {
  let rest = line
  for (;;) {
    rest = rest.replace(/^[ \t]+/, '')
    if (rest === '' || rest.startsWith('#') || /^[\r\v\f]/.test(rest)) return
    if (!rest.startsWith('"')) {
      const [word = ''] = /^[^ \t\r\n\v\f]+/.exec(rest) ?? []
      yield word
      rest = rest.slice(word.length + 1)
      continue
    }
    const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(rest)
    if (quoted === null) throw problem(index, 'a quotation does not end')
    const [whole, inside = ''] = quoted
    yield inside.replace(/\\(.)/gs, (_, escaped: string) => ESCAPES[escaped] ?? escaped)
    rest = rest.slice(whole.length + 1)
  }
}

function problem(index: number, words: string): FormatError {
  return new FormatError('netrc file', words, `line ${index + 1}`)
}
