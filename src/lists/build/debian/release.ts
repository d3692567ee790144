import { FormatError } from '../../../primitives/format-error.ts'
import { printable } from '../../../primitives/printable.ts'
import { BuildError } from '../build-error.ts'
import { verifiedText } from '../signed-text.ts'
import { unpacked } from '../unpack.ts'
import { type ListedFile, listedFiles, paragraphsOf } from './control.ts'
import type { Mirror } from './mirror.ts'
import { readSources, type SourcesIndex } from './sources.ts'

const RELEASE_LIMIT = 4 * 1024 * 1024
const INDEX_LIMIT = 256 * 1024 * 1024

/** Where a suite is read, and what has to have signed it. */
export interface SuiteOptions {
  readonly suite: string
  readonly keyring: string
  /** Seconds since 1970. */
  readonly now: number
}

/** The source packages of one suite, and the key that signed its index. */
export interface Suite extends SourcesIndex {
  readonly signer: string
}

/**
 * Reads a suite's indices of source packages by their hashes in its signed InRelease. Throws
 * BuildError if anything is missing or not signed, or if the suite has ended.
 */
export async function readSuite(mirror: Mirror, { suite, keyring, now }: SuiteOptions): Promise<Suite> {
  if (!/^[a-z0-9][a-z0-9./-]{0,63}$/.test(suite) || suite.includes('..'))
    throw new BuildError(`"${printable(suite)}" is not a name of a suite`)
  const what = `${mirror.shown}/dists/${suite}/InRelease`
  const file = await mirror.read(`dists/${suite}/InRelease`, RELEASE_LIMIT)
  if (file === undefined)
    throw new BuildError(`${what} is not there; next: name a mirror and one of its suites`)
  const signed = await verifiedText(file, what, keyring)
  const [release] = [...paragraphsOf(signed.text)]
  assertNotEnded(release?.get('valid-until'), what, now)
  const files = listedFiles(release?.get('sha256') ?? '')
  const components = (release?.get('components') ?? '').split(' ').filter(each => /^[a-z0-9-]+$/.test(each))
  const indices: SourcesIndex[] = []
  for (const component of components) {
    const index = await readIndex(mirror, { suite, component, files })
    if (index !== undefined) indices.push(index)
  }
  if (indices.length === 0)
    throw new BuildError(`${what} is there, and none of the indices of source packages that it lists`)
  return {
    signer: signed.signer,
    packages: indices.reduce((sum, { packages }) => sum + packages, 0),
    signed: indices.flatMap(index => index.signed),
  }
}

function assertNotEnded(until: string | undefined, what: string, now: number): void {
  if (until === undefined) return
  const end = Date.parse(until) / 1000
  if (!Number.isFinite(end)) throw new FormatError('InRelease', 'no time in Valid-Until', 'fields')
  if (end <= now)
    throw new BuildError(`${what} ended on ${printable(until)}; next: bring the mirror up to date`)
}

interface Place {
  readonly suite: string
  readonly component: string
  readonly files: readonly ListedFile[]
}

/** The smallest index that is there. */
async function readIndex(
  mirror: Mirror,
  { suite, component, files }: Place,
): Promise<SourcesIndex | undefined> {
  for (const ending of ['.xz', '.gz', '']) {
    const name = `${component}/source/Sources${ending}`
    const listed = files.find(file => file.name === name)
    if (listed === undefined) continue
    const bytes = await mirror.readListed({ ...listed, name: `dists/${suite}/${name}` }, INDEX_LIMIT)
    if (bytes === undefined) continue
    return readSources((await unpacked(bytes, INDEX_LIMIT)).toString('utf8'))
  }
  return undefined
}
