/**
 * What the packaging repositories of Arch Linux say: `validpgpkeys`, with the keys beside (RFC 11).
 */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { assertDirectory } from '../../../files/named-file.ts'
import { namesIn } from '../../../files/names-in.ts'
import { readRegularFile } from '../../../files/regular-file.ts'
import { FormatError } from '../../../primitives/format-error.ts'
import { toHex } from '../../../primitives/hex.ts'
import { sha256 } from '../../../primitives/sodium.ts'
import { KEY_FILE_LIMIT } from '../certificates.ts'
import type { Counts, Finding, Remark } from '../finding.ts'
import { leavingOut } from '../leaving-out.ts'
import { readPkgbuild } from './pkgbuild.ts'

const PKGBUILD_LIMIT = 1024 * 1024

export interface ArchOptions {
  /** One repository, or a directory of them. */
  readonly directory: string
  readonly counts: Counts
  readonly remark: Remark
}

/**
 * Reads all PKGBUILDs. Nothing signs them: whoever gives the directory answers for it. Throws
 * ArgumentError.
 */
export async function collectArch({ directory, counts, remark }: ArchOptions): Promise<readonly Finding[]> {
  assertDirectory(directory)
  const repositories = [directory, ...namesIn(directory).map(name => join(directory, name))].filter(each =>
    existsSync(join(each, 'PKGBUILD')),
  )
  const findings: Finding[] = []
  for (const repository of repositories) {
    counts.add('packages')
    const finding = await leavingOut('arch', repository, { counts, remark }, async () =>
      readRepository(repository, { counts, remark }),
    )
    if (finding !== undefined) findings.push(finding)
  }
  return findings
}

function readRepository(
  repository: string,
  { counts, remark }: Pick<ArchOptions, 'counts' | 'remark'>,
): Finding | undefined {
  const file = readRegularFile(join(repository, 'PKGBUILD'), PKGBUILD_LIMIT)
  if (file === undefined) return undefined
  const { name, version, fingerprints, addresses, unknownKeys } = readPkgbuild(file.toString('utf8'))
  const called = basename(resolve(repository))
  if (plainName(called) !== plainName(name))
    throw new FormatError('PKGBUILD', `it is of ${name}, in a repository called ${called}`, 'pkgbase')
  counts.add('unsigned')
  if (unknownKeys > 0) {
    counts.add('notLiteral', unknownKeys)
    remark(`arch: ${unknownKeys} of the keys of ${name} are left out: not literal`)
  }
  if (fingerprints.length === 0) return undefined
  counts.add('read')
  const keyFiles = fingerprints.flatMap(
    each => readRegularFile(join(repository, 'keys/pgp', `${each}.asc`), KEY_FILE_LIMIT) ?? [],
  )
  if (keyFiles.length < fingerprints.length)
    counts.add('withoutKeyFile', fingerprints.length - keyFiles.length)
  return {
    distribution: 'arch',
    package: name,
    version,
    sha256: toHex(sha256(file)),
    keyFiles,
    fingerprints,
    addresses,
    tried: [],
  }
}

/** Forges that do not take `+`, `@` or `_` in the names of repositories spell them otherwise. */
function plainName(name: string): string {
  return name.replaceAll(/plus|[+@._-]/g, '')
}
