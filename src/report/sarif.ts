import type { Audit, AuditedPath } from '../audit/audit.ts'
import { endingName, labelsOfEnding } from '../audit/ending-name.ts'
import { type SarifPlace, type SarifResult, sarifLog, sizeOfResult } from './sarif-log.ts'
import { RULES, type RuleId } from './sarif-rules.ts'
import { cut, dateOf, packageOf, paths, signerOf, somePaths, textOf } from './text.ts'

/** Where in a repository results are shown: a store path is no file of one. */
export interface SarifPlaces {
  /** The policy: its path relative to the repository, or an absolute one. */
  readonly policy: string
  /** The lines of its rules, from 1, by their titles. */
  readonly rules: ReadonlyMap<string, number>
  /** A lock with what was audited, and the lines of its inputs, from 1, by the ids of their commits. */
  readonly lock?: { readonly file: string; readonly lines: ReadonlyMap<string, number> }
}

/** What GitHub takes: 25,000 results in a run, of which it keeps the gravest 5,000, and 10 MB. */
const RESULT_LIMIT = 25_000
const BYTE_LIMIT = 9_500_000

/**
 * What an audit found, in SARIF 2.1.0, in one line. What is refused is grouped by what is missing,
 * by the rule that refused it, and by the package at fault; what has no place in `places` is shown
 * at the policy's first line. Fingerprints have neither hashes nor versions in them: a package that
 * was built again, or anew in a later version, is still the same finding.
 */
export function sarifOf(audit: Audit, places: SarifPlaces): string {
  const trusted = audit.paths.filter(({ outcome }) => outcome === 'trusted').length
  return sarifLog({
    name: `nixsig-audit/${textOf(audit.machine.name, 100)}/`,
    ...timed(audit),
    rules: RULES,
    results: bounded(
      [...ofDisk(audit, places), ...refusals(audit, places), ...others(audit, places)],
      places,
    ),
    properties: {
      policyDigest: audit.policy.digest,
      policyMode: audit.policy.mode,
      paths: audit.paths.length,
      trusted,
    },
  })
}

function timed({ time }: Audit): { readonly time?: string } {
  const date = dateOf(time)
  return date === undefined ? {} : { time: date }
}

/** As many as fit, the gravest first, and if some do not, how many. */
function bounded(results: readonly SarifResult[], places: SarifPlaces): readonly SarifResult[] {
  const rank = ({ level }: SarifResult) => ['error', 'warning', 'note'].indexOf(level)
  let left = BYTE_LIMIT
  const fitting: SarifResult[] = []
  for (const result of [...results].sort((one, other) => rank(one) - rank(other))) {
    left -= sizeOfResult(result)
    if (fitting.length === RESULT_LIMIT - 1 || left < 0) break
    fitting.push(result)
  }
  if (fitting.length === results.length) return results
  const message = `${results.length - fitting.length} more findings have no room here.`
  return [...fitting, { rule: 'not-listed', level: 'warning', message, at: firstLine(places), about: [] }]
}

function firstLine({ policy }: SarifPlaces): SarifPlace {
  return { file: policy, line: 1 }
}

/** A result by one of our rules. */
type Found = SarifResult & { readonly rule: RuleId }

interface Refused {
  readonly code: RuleId
  readonly next: string
  readonly package: string
  readonly first: AuditedPath
  readonly ground: string
  readonly places: number[]
  isLetIn: boolean
}

/** What is refused, in the order of the audit's groups: the worst first. */
function refusals(audit: Audit, places: SarifPlaces): readonly Found[] {
  const found = new Map<string, Refused>()
  for (const { code, next, paths } of audit.groups) {
    for (const place of paths) {
      const path = audit.paths[place]
      if (path === undefined) continue
      const ground = path.rule ?? path.ground
      const name = packageOf(path.because ?? path.path).name
      const key = JSON.stringify([code, ground, name])
      const refused = found.get(key) ?? {
        code,
        next,
        package: name,
        first: path,
        ground,
        places: [],
        isLetIn: true,
      }
      refused.places.push(place)
      refused.isLetIn &&= path.letIn
      found.set(key, refused)
    }
  }
  const commits = commitsOf(audit, places)
  return [...found.values()].map(refused => resultOf(audit, places, refused, commits))
}

function resultOf(
  audit: Audit,
  places: SarifPlaces,
  refused: Refused,
  commits: ReadonlyMap<number, SarifPlace>,
): Found {
  const { code, next, first, ground } = refused
  const rule = {
    file: places.policy,
    line: first.rule === undefined ? 1 : (places.rules.get(first.rule) ?? 1),
  }
  const commit = refused.places.map(place => commits.get(place)).find(place => place !== undefined)
  const many = refused.places.length > 1 ? `${paths(refused.places.length)}; the first: ` : ''
  const why = cut(first.message ?? `${textOf(first.path, 260)} is refused`)
  return {
    rule: code,
    level: refused.isLetIn ? 'warning' : 'error',
    message: `${refused.package}: ${many}${why}. Next: ${cut(next, 400)}.`,
    at: commit ?? rule,
    related: commit === undefined ? [] : [rule],
    about: [ground, refused.package],
    paths: somePaths(audit, refused.places),
  }
}

/** The lines of the lock for the paths that its commits evaluate to, or that those were built from. */
function commitsOf(audit: Audit, { lock }: SarifPlaces): ReadonlyMap<number, SarifPlace> {
  const found = new Map<number, SarifPlace>()
  if (lock === undefined) return found
  for (const { revision, covers } of audit.expressions) {
    const line = lock.lines.get(revision)
    if (line === undefined) continue
    for (const place of covers) if (!found.has(place)) found.set(place, { file: lock.file, line })
  }
  for (const [place, { derivation }] of audit.paths.entries()) {
    const commit = derivation === undefined ? undefined : found.get(derivation)
    if (commit !== undefined && !found.has(place)) found.set(place, commit)
  }
  return found
}

function others(audit: Audit, places: SarifPlaces): readonly Found[] {
  const at = firstLine(places)
  const all: Found[] = []
  const labelOf = labelsOfEnding(audit)
  for (const ending of audit.ends) {
    const { kind, what, at: ends, falls } = ending
    const name = endingName(ending, labelOf(ending))
    const message = `The ${name} ends at ${dateOf(ends) ?? ends}; ${paths(falls.length)} would then be refused.`
    // A line of the policy may have several exemptions.
    const about = kind === 'exemption' ? [kind, what, `${ends}`] : [kind, what]
    all.push({ rule: 'ends-soon', level: 'warning', message, at, about, paths: somePaths(audit, falls) })
  }
  for (const { line, reason, until, paths: exempted } of audit.exemptions) {
    if (exempted.length === 0) continue
    const end = dateOf(until) ?? until
    const message = `${paths(exempted.length)} pass by this exemption until ${end}: ${textOf(reason)}`
    const where = { at: { file: places.policy, line }, about: [reason, `${until}`] }
    all.push({ rule: 'exempted', level: 'note', message, ...where, paths: somePaths(audit, exempted) })
  }
  if (audit.weakest !== undefined) {
    const { key, falls } = audit.weakest
    const { label = '', identity = '' } = audit.keys[key] ?? {}
    const whose = `the key ${textOf(label, 120)} of ${signerOf(audit, key)}`
    const message = `Without ${whose}, ${paths(falls)} would be refused.`
    all.push({ rule: 'single-key', level: 'note', message, at, about: [identity] })
  }
  if (audit.unjudged > 0) {
    const message = `${paths(audit.unjudged)} were not judged, for want of time.`
    all.push({ rule: 'unjudged', level: 'warning', message, at, about: [] })
  }
  return all
}

function ofDisk(audit: Audit, places: SarifPlaces): readonly Found[] {
  const { unregistered, differing, missing } = audit.disk
  const at = firstLine(places)
  const nameOf = (place: number) => packageOf(audit.paths[place]?.path ?? '').name
  return [
    ...differing.map(({ path, registered, found }) => ({
      rule: 'differing-contents' as const,
      level: 'error' as const,
      message: `${nameOf(path)}: the NAR hash on the disk is ${found ?? 'not known, as it cannot be read'}, registered is ${registered}.`,
      at,
      about: [nameOf(path)],
      paths: somePaths(audit, [path]),
    })),
    ...unregistered.map(({ name }) => ({
      rule: 'unregistered' as const,
      level: 'warning' as const,
      message: `${textOf(name, 260)} lies in the store's directory and is not in its database.`,
      at,
      about: [packageOf(`/nix/store/${name}`).name],
    })),
    ...missing.map(place => ({
      rule: 'missing-from-disk' as const,
      level: 'warning' as const,
      message: `${nameOf(place)} is registered in the store and not on the disk.`,
      at,
      about: [nameOf(place)],
      paths: somePaths(audit, [place]),
    })),
  ]
}
