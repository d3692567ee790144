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
 * against them: http, https and ftp URLs as the URL standard serialises them, without a fragment;
 * `mirror://` as it is written. Those with a user name or password, longer than 1024 characters or
 * with other characters than visible ASCII are left out, and so are all after the first 64. This is
 * only the derivation's own claim. Never throws.
 */
export function addressesOf(derivation: Derivation): readonly string[] {
  const found = wordsOf(derivation).flatMap(text => addressOf(text) ?? [])
  return [...new Set(found)].slice(0, ADDRESS_LIMIT)
}

function addressOf(text: string): string | undefined {
  if (text.length > ADDRESS_LENGTH) return undefined
  if (/^mirror:\/\/[!-~]+$/.test(text)) return text
  if (!/^(?:https?|ftp):\/\//i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return undefined
  url.hash = ''
  return url.href.length <= ADDRESS_LENGTH && /^[!-~]+$/.test(url.href) ? url.href : undefined
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
