import { BASE64 } from './words.ts'

/** The beginning of Sigstore bundles, which are JSON. */
export const BUNDLE_START = /^\s*\{/

const HOST = '[A-Za-z0-9][A-Za-z0-9._/-]*'
const DASH = String.raw`(?:—|\\u2014)`

/**
 * The checkpoint of a log: its origin, size, root hash, time and signatures (C2SP,
 * tlog-checkpoint.md).
 */
const CHECKPOINT = String.raw`${HOST}(?: - \d+)?\\n\d+\\n${BASE64}\\n(?:Timestamp: \d+\\n)?\\n(?:${DASH} ${HOST} ${BASE64}\\n)+`

const STRING = String.raw`"(?:[A-Za-z0-9+/=._:@-]*|application/vnd\.dev\.sigstore\.bundle\+json;version=0\.\d|${CHECKPOINT})"`
const LINE = new RegExp(String.raw`^(?:${STRING}|\d|true|false|null|[{}[\]:, ])*$`)

/**
 * A line begins with a bracket or a key, as JSON printers write it, or is a hash in a list. So it
 * cannot begin with a word of the author's choice.
 */
const START = new RegExp(String.raw`^ *(?:[{}[\]]|"[A-Za-z0-9]+" ?:|"${BASE64}",?$|$)`)

/** Why a line of a bundle could be part of a program; undefined if it could not. */
export function whyNoBundleLine(line: string): string | undefined {
  if (LINE.test(line) && START.test(line)) return undefined
  return 'JSON that no tool writes into a bundle: it could be a program'
}
