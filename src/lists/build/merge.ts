/** From what distributions say to one list: keys by fingerprint, entries by package. */
import {
  emptyList,
  type ListDocument,
  type ListedDevelopers,
  type ListedPrincipal,
  type Provenance,
  type Tried,
} from '../../formats/lists/listed.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { copiesIn, type FitCertificate, fitCertificate } from './certificates.ts'
import { type Counts, DISTRIBUTIONS, type Distribution, type Finding, type Remark } from './finding.ts'
import { globsFor } from './globs.ts'

const BY_LIMIT = 64
const LINES_LIMIT = 32
const PRINCIPAL_LIMIT = 20_000

export interface MergeOptions {
  /** What the list calls itself. */
  readonly name: string
  /** Seconds since 1970. */
  readonly now: number
  readonly counts: Counts
  readonly remark: Remark
}

/** A list, and its certificates by fingerprint. */
export interface BuiltList {
  readonly document: ListDocument
  readonly certificates: ReadonlyMap<string, Uint8Array>
}

/** A finding and which of the fit certificates it names. */
interface Named {
  readonly finding: Finding
  readonly fingerprints: readonly string[]
}

/**
 * Makes a list. A key is one principal whatever number of packages name it, and counts only for the
 * packages that do. Keys that two certificates share are left out with both: nobody can tell whose
 * they are.
 */
export function mergeFindings(findings: readonly Finding[], options: MergeOptions): BuiltList {
  const { name, now, counts } = options
  const copies = new Map<string, Uint8Array[]>()
  const named = findings.map(finding => ({ finding, fingerprints: collectCopies(finding, copies, options) }))
  counts.add(
    'withKey',
    new Set(
      named
        .filter(({ fingerprints }) => fingerprints.length > 0)
        .map(({ finding }) => `${finding.distribution} ${finding.package}`),
    ).size,
  )
  counts.add('keys', copies.size)
  const fit = new Map<string, FitCertificate>()
  for (const [fingerprint, bytes] of copies) {
    const certificate = fitCertificate(fingerprint, bytes, options)
    if (certificate !== undefined) fit.set(fingerprint, certificate)
  }
  leaveOutShared(fit, options)
  for (const { isExpired } of fit.values()) if (isExpired) counts.add('expired')
  const names = principalNames([...fit.keys()])
  const developers = entriesOf(named, names, options)
  const used = new Set([...developers.values()].flatMap(({ by }) => by))
  const principals = new Map<string, ListedPrincipal>()
  const certificates = new Map<string, Uint8Array>()
  for (const [fingerprint, principal] of names) {
    const certificate = fit.get(fingerprint)
    if (certificate === undefined || !used.has(principal)) continue
    if (principals.size === PRINCIPAL_LIMIT)
      throw new FormatError('list', `more than ${PRINCIPAL_LIMIT} keys`, 'principals')
    principals.set(principal, {
      ...(certificate.about !== undefined && { about: certificate.about }),
      keys: [{ openpgp: fingerprint, certificate: `certificates/${fingerprint}.pgp` }],
    })
    certificates.set(fingerprint, certificate.bytes)
  }
  counts.add('listed', principals.size)
  const about = `Keys that ${[...new Set(findings.map(({ distribution }) => distribution))].join(', ')} name for upstream sources, collected by a program on ${dayOf(now)}`
  const document: ListDocument = {
    ...emptyList(name, 'extracted'),
    about,
    principals,
    developers,
  }
  return { document, certificates }
}

function collectCopies(
  { keyFiles, fingerprints, distribution, package: name }: Finding,
  copies: Map<string, Uint8Array[]>,
  { counts, remark }: MergeOptions,
): readonly string[] {
  const found = new Set<string>()
  for (const file of keyFiles) {
    try {
      for (const [fingerprint, bytes] of copiesIn(file)) {
        if (fingerprints !== undefined && !fingerprints.includes(fingerprint)) continue
        found.add(fingerprint)
        const known = copies.get(fingerprint) ?? []
        const others = bytes.filter(each => !known.some(other => Buffer.compare(each, other) === 0))
        copies.set(fingerprint, [...known, ...others])
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      counts.add('unreadable')
      remark(`${distribution}: a key file of ${printable(name)} is left out: ${error.message}`)
    }
  }
  return [...found]
}

/** Whoever could add another's key to a certificate would otherwise become that other. */
function leaveOutShared(fit: Map<string, FitCertificate>, { counts, remark }: MergeOptions): void {
  const owners = new Map<string, string[]>()
  for (const [fingerprint, { ownerships }] of fit)
    for (const ownership of new Set(ownerships))
      owners.set(ownership, [...(owners.get(ownership) ?? []), fingerprint])
  for (const sharing of owners.values()) {
    if (sharing.length < 2) continue
    for (const fingerprint of sharing) {
      if (!fit.delete(fingerprint)) continue
      counts.add('shared')
      remark(
        `${fingerprint} is left out: it has a key that ${sharing.filter(each => each !== fingerprint).join(', ')} has as well`,
      )
    }
  }
}

/** The last 16 digits, or the whole fingerprint where two end alike. */
function principalNames(fingerprints: readonly string[]): ReadonlyMap<string, string> {
  const short = (fingerprint: string) => fingerprint.slice(-16).toLowerCase()
  const often = new Map<string, number>()
  for (const each of fingerprints) often.set(short(each), (often.get(short(each)) ?? 0) + 1)
  return new Map(
    fingerprints.map(each => [each, often.get(short(each)) === 1 ? short(each) : each.toLowerCase()]),
  )
}

function entriesOf(
  named: readonly Named[],
  principals: ReadonlyMap<string, string>,
  { now, counts, remark }: MergeOptions,
): ReadonlyMap<string, ListedDevelopers> {
  const packages = grouped(named, ({ finding }) => finding.package.toLowerCase())
  splitByCategory(packages)
  const entries = new Map<string, ListedDevelopers>()
  for (const [place, all] of [...packages].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = place.slice(place.indexOf('/') + 1)
    const groups = bySources(all)
    const own = [...groups.values()].flat()
    if (own.length > 0 && !own.some(each => principals.has(each))) counts.add('withoutFitKey')
    for (const [from, fingerprints] of groups) {
      const by = fingerprints.flatMap(each => principals.get(each) ?? [])
      if (by.length > BY_LIMIT) {
        counts.add('crowded')
        remark(`${from}: ${printable(name)} is left out: it names ${by.length} keys, more than ${BY_LIMIT}`)
      }
      if (by.length === 0 || by.length > BY_LIMIT) continue
      const distributions = from.split(' ') as readonly Distribution[]
      const naming = all.filter(
        each =>
          distributions.includes(each.finding.distribution) &&
          each.fingerprints.some(one => fingerprints.includes(one)),
      )
      const isCorroborated = distributions.length > 1
      counts.add('entries')
      counts.add(isCorroborated ? 'corroborated' : 'seen')
      const entryName = freeName(name, groups.size === 1 ? undefined : distributions.join('-'), entries)
      const globs = globsFor(
        name,
        naming.flatMap(({ finding }) => finding.addresses),
      )
      if (globs.urls.length === 0) counts.add('withoutUrl')
      entries.set(entryName, {
        ...globs,
        by: [...by].sort(),
        threshold: 1,
        standing: isCorroborated ? 'corroborated' : 'seen',
        provenance: naming.slice(0, LINES_LIMIT).map(({ finding }) => provenanceOf(finding, dayOf(now))),
        tried: distinct(naming.flatMap(({ finding }) => finding.tried)).slice(0, LINES_LIMIT),
      })
    }
  }
  return entries
}

/** Packages of one distribution with the same name in two categories are not the same. */
function splitByCategory(packages: Map<string, Named[]>): void {
  for (const [name, all] of packages) {
    const categories = grouped(
      all.filter(({ finding }) => finding.category !== undefined),
      ({ finding }) => finding.category,
    )
    if (categories.size < 2) continue
    packages.set(
      name,
      all.filter(({ finding }) => finding.category === undefined),
    )
    for (const [category, some] of categories) packages.set(`${category}/${name}`, some)
  }
}

/**
 * The keys of a package by the distributions that name them: only those that two name are
 * corroborated, whoever stands beside them.
 */
function bySources(all: readonly Named[]): ReadonlyMap<string, readonly string[]> {
  const fingerprints = new Set(all.flatMap(each => each.fingerprints))
  return grouped(fingerprints, fingerprint => {
    const from = all
      .filter(each => each.fingerprints.includes(fingerprint))
      .map(({ finding }) => finding.distribution)
    return DISTRIBUTIONS.filter(each => from.includes(each)).join(' ')
  })
}

function freeName(name: string, suffix: string | undefined, taken: ReadonlyMap<string, unknown>): string {
  const plain = name
    .replaceAll('+', 'plus')
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, 60)
  const wanted = `${plain || 'package'}${suffix === undefined ? '' : `-from-${suffix}`}`
  if (!taken.has(wanted)) return wanted
  for (let number = 2; ; number++) if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`
}

function provenanceOf(finding: Finding, date: string): Provenance {
  const { distribution, version, sha256, archiveKey } = finding
  return {
    distribution,
    package: finding.package,
    version,
    sha256,
    ...(archiveKey !== undefined && { archiveKey }),
    date,
  }
}

function distinct(tried: readonly Tried[]): readonly Tried[] {
  return [...new Map(tried.map(each => [`${each.sha256} ${each.result}`, each])).values()]
}

function dayOf(now: number): string {
  return new Date(now * 1000).toISOString().slice(0, 10)
}

function grouped<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
