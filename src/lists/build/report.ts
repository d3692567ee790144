import type { Counts } from './finding.ts'

/** What a build came to, by the names in its JSON, and in words. */
export const REPORTED = [
  ['packages', 'source packages seen'],
  ['signed', "with their developer's signature"],
  ['read', 'of these read'],
  ['absent', 'not there to download'],
  ['failed', 'malformed or not as listed: left out'],
  ['unsigned', 'read from files that nobody signed'],
  ['withKey', 'packages with a key'],
  ['withoutFitKey', 'packages of whose keys none is fit for a list'],
  ['notLiteral', 'keys in shell text that only a shell could know: left out'],
  ['withoutKeyFile', 'keys that are named without a file beside: left out'],
  ['unreadable', 'key files that could not be read'],
  ['otherKeys', 'packages with keys of minisign or signify alone: not read'],
  ['crowded', 'packages that name more than 64 keys: left out'],
  ['keys', 'keys found'],
  ['expired', 'keys that have expired: listed'],
  ['revoked', 'keys that were revoked: left out'],
  ['short', 'keys with RSA or DSA below 2048 bits: left out'],
  ['shared', 'keys that two certificates share: left out'],
  ['unfit', 'keys that cannot be used or are too large: left out'],
  ['listed', 'keys listed'],
  ['entries', 'entries'],
  ['withoutUrl', 'entries without a usable URL: matched by their name alone'],
  ['corroborated', 'entries by keys that two distributions name'],
  ['seen', 'entries by keys that one distribution names'],
  ['triedGood', 'releases tried: good'],
  ['triedExpired', 'releases tried: good, by a key that has expired'],
  ['triedUnknown', 'releases tried: signed by none of the keys'],
  ['triedUnclear', 'releases tried: a signature that proves too little, or a key that cannot be used'],
  ['triedBad', 'releases tried: bad'],
] as const

export type ReportKey = (typeof REPORTED)[number][0]

export type Report = Readonly<Record<ReportKey, number>> & {
  readonly out: string
  /** Of list.json. */
  readonly bytes: number
}

export function reportOf(counts: Counts, out: string, bytes: number): Report {
  const numbers = Object.fromEntries(REPORTED.map(([key]) => [key, counts.get(key)]))
  return { out, bytes, ...(numbers as Record<ReportKey, number>) }
}
