import { FormatError } from '../../primitives/format-error.ts'
import { parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'

/**
 * The places that a derivation says it fetches from: the http, https and file URLs in its `url` and
 * `urls`, as fetchurl of Nix and of nixpkgs set them, in that order. This is only the derivation's
 * own claim. Never throws.
 */
export function urlsOf(derivation: Derivation): readonly string[] {
  const structured = variableOf(derivation, '__json')
  const words = [
    variableOf(derivation, 'url'),
    variableOf(derivation, 'urls'),
    ...(structured === undefined ? [] : structuredUrls(structured)),
  ]
  const urls = words.flatMap(value =>
    Buffer.from(value ?? '', 'latin1')
      .toString('utf8')
      .split(/\s+/),
  )
  return [...new Set(urls.filter(url => /^(?:https?|file):\/\//i.test(url) && URL.canParse(url)))]
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
