import { collectArch } from './arch/collect.ts'
import { collectDebian } from './debian/collect.ts'
import { Counts, type Distribution, type Finding, type Remark } from './finding.ts'
import { collectGentoo, type GentooPlace } from './gentoo/collect.ts'
import { mergeFindings } from './merge.ts'
import { type Report, reportOf } from './report.ts'
import { assertNew, writeList } from './write.ts'

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
 * Builds a list in a new directory. Throws BuildError if a distribution is not signed as it has to be, and
 * ArgumentError for a directory that is not empty.
 */
export async function buildList(options: BuildOptions): Promise<Report> {
  const { from, out, name, now, remark, tries, cache } = options
  assertNew(out)
  const counts = new Counts()
  const common = { counts, remark, now }
  const findings: Finding[] = []
  if (from.includes('debian'))
    findings.push(...(await collectDebian({ ...options.debian, ...common, tries, cache })))
  if (from.includes('gentoo')) findings.push(...(await collectGentoo({ ...options.gentoo, ...common })))
  if (from.includes('arch')) findings.push(...(await collectArch({ ...options.arch, ...common })))
  const built = mergeFindings(findings, { name, ...common })
  return reportOf(counts, out, writeList(out, built))
}
