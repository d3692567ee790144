/** What the reports share: how they write names, times and verdicts. Pure. */
import { createHash } from 'node:crypto'
import type { Audit, AuditedClaim, AuditedPath } from '../audit/audit.ts'
import { isStorePath, parseStorePath } from '../formats/nix/store-path.ts'
import { printTimestamp } from '../formats/timestamp.ts'
import type { Instant } from '../policy/policy.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'

/** The most claims of one path, and paths of one result, that are told. */
const LIMIT = 20

/** Text from outside: escaped, and cut if it is very long. Never empty. */
export function textOf(text: string, limit = 400): string {
  return printable(text, limit) || '(nothing)'
}

/** What is escaped already: cut if it is very long. */
export function cut(text: string, limit = 1_000): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}

/** RFC 3339 in UTC; undefined for what has no date in the first 9,999 years. */
export function dateOf(instant: Instant | undefined): string | undefined {
  const isDate =
    instant !== undefined && Number.isInteger(instant) && instant >= 0 && instant < 253_402_300_800
  return isDate ? printTimestamp(instant) : undefined
}

/** The package that a store path is named after. Escaped. */
export interface Package {
  readonly name: string
  /** What follows the name; undefined if nothing does. */
  readonly version: string | undefined
}

/**
 * Name and version as Nix tells them apart (`builtins.parseDrvName`): the version begins after the
 * first dash that no letter follows. A path without the form of a store path is its own name.
 */
export function packageOf(path: string): Package {
  if (!isStorePath(path)) return { name: textOf(path), version: undefined }
  const name = parseStorePath(path).name.replace(/(?<=.)\.drv$/, '')
  const [, start, version] = /^(.+?)-([^A-Za-z].*)$/.exec(name) ?? []
  return start === undefined ? { name, version: undefined } : { name: start, version }
}

/** The verdict on a path in one line, escaped. */
export function verdictWords(audit: Audit, path: AuditedPath): string {
  if (path.outcome !== 'trusted') {
    const why = cut(path.message ?? 'it is not known why')
    return path.letIn ? `let in with a warning: ${why}` : `refused: ${why}`
  }
  return `trusted: ${basisWords(audit, path)}`
}

/** Why a trusted path is trusted, escaped. */
export function basisWords(audit: Audit, { basis, claims, exemption, rule }: AuditedPath): string {
  const by = rule === undefined ? '' : ` (rule "${textOf(rule, 120)}")`
  const exempting = exemption === undefined ? undefined : audit.exemptions[exemption]
  if (exempting !== undefined) {
    const until = dateOf(exempting.until)
    const end = until === undefined ? '' : ` until ${until}`
    return `exempted by line ${exempting.line} of the policy${end}: ${textOf(exempting.reason)}`
  }
  if (basis === 'no-requirement') return `nothing is required${by}`
  const words = claims.slice(0, LIMIT).map(claim => claimWords(audit, claim))
  const more = claims.length > LIMIT ? [`${claims.length - LIMIT} more`] : []
  return `${[...new Set(words), ...more].join(', ') || 'on grounds that are not recorded'}${by}`
}

/** Who signed in which role, escaped. */
export function claimWords(audit: Audit, { key, role }: AuditedClaim): string {
  return `signed by ${signerOf(audit, key)} as ${role}`
}

/** The name of a key's principal, or the key itself if nobody has it; escaped. */
export function signerOf({ keys, principals }: Audit, index: number): string {
  const key = keys[index]
  const principal = key?.principal === undefined ? undefined : principals[key.principal]
  return textOf(principal?.name ?? key?.label ?? 'a key that is not listed', 120)
}

/** Some of many store paths, escaped. */
export function somePaths({ paths }: Audit, places: readonly number[]) {
  const some = places.slice(0, LIMIT).flatMap(place => paths[place]?.path ?? [])
  return { some: some.map(path => textOf(path, 260)), count: places.length }
}

/** `1 path`, `2,000 paths`. */
export function paths(count: number): string {
  return counted(count, 'path')
}

/**
 * An identifier in the form of RFC 9562 (version 8): the beginning of the SHA-256 of a text, so
 * that the same report has the same.
 */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
