/** What Debian's source packages say about their developers' keys. */
import { sideBySide } from '../../../primitives/side-by-side.ts'
import { BuildError } from '../build-error.ts'
import type { Counts, Finding, Remark } from '../finding.ts'
import { leavingOut } from '../leaving-out.ts'
import { type Mirror, openMirror } from './mirror.ts'
import { PACKAGING_LIMIT, readPackaging } from './packaging.ts'
import { readSuite } from './release.ts'
import type { SourcePackage } from './sources.ts'
import { tryRelease } from './try-release.ts'

/** At most so many requests at once: mirrors are a gift. */
const AT_ONCE = 4

export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

export interface DebianOptions {
  /** A directory that is laid out as a mirror, or a URL. */
  readonly place: string
  /** Empty: those of the directory. */
  readonly suites: readonly string[]
  readonly keyring: string
  readonly cache: string | undefined
  /** How many packages to try on their own tarball. */
  readonly tries: number
  readonly now: number
  readonly counts: Counts
  readonly remark: Remark
}

/**
 * Reads all source packages that come with their developer's signature. A package that is absent or
 * malformed is counted and left out. Throws BuildError if a suite is not signed.
 */
export async function collectDebian(options: DebianOptions): Promise<readonly Finding[]> {
  const { place, keyring, now, counts } = options
  const mirror = openMirror(place, options.cache)
  const suites = options.suites.length > 0 ? options.suites : mirror.suites()
  if (suites === undefined) throw new BuildError(`which suites of ${mirror.shown}? next: --suite bookworm`)
  if (suites.length === 0)
    throw new BuildError(`${mirror.shown} has no dists/SUITE/InRelease; next: name the root of a mirror`)
  const findings: Finding[] = []
  for (const suite of suites) {
    const { signer, packages, signed } = await readSuite(mirror, { suite, keyring, now })
    counts.add('packages', packages)
    counts.add('signed', signed.length)
    const read = await sideBySide(signed, AT_ONCE, each =>
      leavingOut('debian', each.name, options, () => readPackage(mirror, each, { ...options, signer })),
    )
    findings.push(...read.filter(each => each !== undefined))
  }
  return findings
}

async function readPackage(
  mirror: Mirror,
  source: SourcePackage,
  options: DebianOptions & { readonly signer: string },
): Promise<Finding | undefined> {
  const { counts, signer } = options
  const file = await mirror.readListed(source.packaging, PACKAGING_LIMIT)
  if (file === undefined) {
    counts.add('absent')
    return undefined
  }
  counts.add('read')
  const { keyFiles, watch } = await readPackaging(file, source.name)
  if (keyFiles.length === 0) return undefined
  const addresses = (watch ?? []).flatMap(({ address }) => address ?? [])
  const tried =
    counts.get('trying') < options.tries ? await tryRelease(mirror, source, keyFiles, options) : []
  return {
    distribution: 'debian',
    package: source.name,
    version: source.version,
    sha256: source.packaging.sha256,
    archiveKey: signer,
    keyFiles,
    addresses,
    tried,
  }
}
