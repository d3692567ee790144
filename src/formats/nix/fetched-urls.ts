import { FormatError } from '../../primitives/format-error.ts'
import { parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'

/**
 * The places that a derivation says it fetches from: the http, https and file URLs in its `url` and
 * `urls`, as fetchurl of Nix and of nixpkgs set them, in that order. This is only the derivation's
 * own claim. Never throws.
 */
export function urlsOf(derivation: Derivation): readonly string[] {
  return wordsOf(derivation).filter(url => /^(?:https?|file):\/\//i.test(url) && URL.canParse(url))
}

/** Limits on the addresses of one derivation, and on the characters of each. */
const ADDRESS_LIMIT = 64
const ADDRESS_LENGTH = 1024

/**
 * The addresses that a derivation says it fetches from, as globs of developers entries are held
 * against them: http, https, ftp and mirror URLs, in one spelling for what is fetched from one
 * place: as the URL standard serialises them, without a fragment, a user name and a password, without
 * a dot at the end of the host, and with `%` only for what cannot stand for itself. Those longer than
 * 1024 characters, with a backslash, with `..` beside an escaped slash or with other characters than
 * visible ASCII are left out, and so are all after the first 64. This is only the derivation's own
 * claim. Never throws.
 */
export function addressesOf(derivation: Derivation): readonly string[] {
  const found = wordsOf(derivation).flatMap(text => addressOf(text) ?? [])
  return [...new Set(found)].slice(0, ADDRESS_LIMIT)
}

function addressOf(text: string): string | undefined {
  // Programs differ in whether a backslash is a slash, and so in what the host is.
  if (text.length > ADDRESS_LENGTH || text.includes('\\')) return undefined
  const decoded = plainly(text)
  if (!/^(?:https?|ftp|mirror):\/\//i.test(text) || !URL.canParse(decoded)) return undefined
  const url = new URL(decoded)
  url.username = ''
  url.password = ''
  url.hash = ''
  url.hostname = url.hostname.replace(/\.$/, '')
  // A server that takes an escaped slash for one would go up there.
  if (/(?:^|\/|%2F|%5C)\.\.?(?:\/|%2F|%5C|$)/.test(url.pathname)) return undefined
  const { href } = url
  return href.length <= ADDRESS_LENGTH && /^[!-~]+$/.test(href) ? href : undefined
}

/** RFC 3986, section 6.2.2.2: what means the same with `%` and without is written without. */
function plainly(text: string): string {
  return text.replaceAll(/%[0-9a-f]{2}/gi, escaped => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase()
  })
}

function wordsOf(derivation: Derivation): readonly string[] {
  const structured = variableOf(derivation, '__json')
  const words = [
    variableOf(derivation, 'url'),
    variableOf(derivation, 'urls'),
    ...(structured === undefined ? [] : structuredUrls(structured)),
  ]
  const found = words.flatMap(value =>
    Buffer.from(value ?? '', 'latin1')
      .toString('utf8')
      .split(/\s+/),
  )
  return [...new Set(found)]
}

function structuredUrls(text: string): readonly string[] {
  try {
    const json = parseStrictJson(Buffer.from(text, 'latin1').toString('utf8'), {
      length: text.length,
      depth: 32,
    })
    if (!(json instanceof Map)) return []
    const values = [json.get('url'), json.get('urls')].flat()
    return values.filter(value => typeof value === 'string')
  } catch (error) {
    // The URLs only tell where to look, so a malformed one is skipped.
    if (error instanceof FormatError) return []
    throw error
  }
}
