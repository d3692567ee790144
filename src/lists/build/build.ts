import { collectArch } from './arch/collect.ts'
import { collectDebian } from './debian/collect.ts'
import { Counts, type Distribution, type Finding, type Remark } from './finding.ts'
import { collectGentoo, type GentooPlace } from './gentoo/collect.ts'
import { mergeFindings } from './merge.ts'
import { type Report, reportOf } from './report.ts'
import { listBefore, writeList } from './write.ts'

export interface BuildOptions {
  readonly from: readonly Distribution[]
  readonly out: string
  readonly name: string
  readonly tries: number
  readonly cache: string | undefined
  /** Seconds since 1970. */
  readonly now: number
  readonly remark: Remark
  /** Of a distribution that is not read, nothing is looked at. */
  readonly debian: { readonly place: string; readonly suites: readonly string[]; readonly keyring: string }
  readonly gentoo: GentooPlace
  readonly arch: { readonly directory: string }
}

/**
 * Builds a list in a directory: a new one, or the next state of a list that was extracted before.
 * Throws BuildError if a distribution is not signed as it has to be, and ArgumentError for a
 * directory with anything else.
 */
export async function buildList(options: BuildOptions): Promise<Report> {
  const { from, out, name, now, remark, tries, cache } = options
  const before = listBefore(out)
  const counts = new Counts()
  const common = { counts, remark, now }
  const findings: Finding[] = []
  if (from.includes('debian'))
    findings.push(...(await collectDebian({ ...options.debian, ...common, tries, cache })))
  if (from.includes('gentoo')) findings.push(...(await collectGentoo({ ...options.gentoo, ...common })))
  if (from.includes('arch')) findings.push(...(await collectArch({ ...options.arch, ...common })))
  const built = mergeFindings(findings, { name, ...common })
  // What its keepers said stays: above all whom they revoked.
  const kept = before && {
    name: before.name,
    about: before.about ?? built.document.about ?? '',
    revocations: before.revocations,
    teams: before.teams,
    ...(before.rules !== undefined && { rules: before.rules }),
  }
  return reportOf(counts, out, writeList(out, { ...built, document: { ...built.document, ...kept } }))
}
