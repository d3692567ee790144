import { createHash } from 'node:crypto'
import { contentsOf, withOpenedFile } from '../../crypto/detached/opened-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { narFileHead, narFileTail, narStart } from '../../formats/nix/nar-tokens.ts'
import { shownUrl } from '../../http/shown-url.ts'
import type { Store } from '../../store/store-client.ts'
import { type Contents, validContents } from '../contents.ts'
import type { Downloads } from './downloads.ts'
import type { Source } from './sources.ts'

const LIMITS = { bytes: 8 * 1024 * 1024 * 1024, time: 60 * 60_000, silence: 30_000 }

/** URLs of one source that are tried. */
const URL_LIMIT = 16

/** Where contents are looked for, for all sources of one run. */
export interface Workplace {
  readonly store: () => Promise<Store>
  readonly downloads: Downloads
  /** What was found already, by store path. */
  readonly known: Map<string, Promise<Contents>>
}

/**
 * The contents of a source: from the store where it is valid, else fetched from its first URL that
 * has what the derivation says; each source once in a run. Throws PackagingError for a path that is
 * not what the store registered, and FileError where nobody has the contents.
 */
export function contentsOfSource(source: Source, workplace: Workplace): Promise<Contents> {
  const { path } = source.path
  const known = workplace.known.get(path)
  if (known !== undefined) return known
  const contents = findContents(source, workplace)
  workplace.known.set(path, contents)
  return contents
}

async function findContents(source: Source, workplace: Workplace): Promise<Contents> {
  const { path } = source.path
  const store = await workplace.store()
  if ((await store.pathInfo(path)) !== undefined) return (await validContents(store, path)).contents
  const fixed = source.madeBy?.derivation.outputs.find(
    output => output.kind === 'fixed' && output.path === path,
  )
  if (fixed?.kind !== 'fixed' || fixed.method !== 'flat' || source.urls.length === 0) {
    throw new FileError(`it is not in the store (nix-store --realise ${source.madeBy?.path.path ?? path})`)
  }
  const problems: string[] = []
  if (source.urls.length > URL_LIMIT) problems.push(`only the first ${URL_LIMIT} URLs were tried`)
  for (const url of source.urls.slice(0, URL_LIMIT)) {
    const fetched = await fetchFrom(url, workplace.downloads)
    if ('file' in fetched) {
      const { file } = fetched
      const { hash, narHash } = await hashesOf(file, fixed.algorithm)
      if (hash === fixed.hash) return { path, narHash, file }
      problems.push(`${shownUrl(url)} has other contents than the derivation says`)
    } else problems.push(fetched.problem)
  }
  throw new FileError(problems.join('; '))
}

/** The file that a URL gives, or why it has none to give. */
async function fetchFrom(
  url: string,
  downloads: Downloads,
): Promise<{ readonly file: string } | { readonly problem: string }> {
  try {
    const file = await downloads.file(url, LIMITS)
    return file === undefined ? { problem: `there is no ${shownUrl(url)}` } : { file }
  } catch (error) {
    if (error instanceof FileError) return { problem: error.message }
    throw error
  }
}

/**
 * The hash of a file, and that of the NAR that it makes where it is not executable; lower-case hex.
 */
function hashesOf(file: string, algorithm: string) {
  return withOpenedFile(file, async opened => {
    const flat = createHash(algorithm)
    const nar = createHash('sha256').update(narStart()).update(narFileHead(opened.size, false))
    for await (const piece of contentsOf(opened)) {
      flat.update(piece)
      nar.update(piece)
    }
    return { hash: flat.digest('hex'), narHash: nar.update(narFileTail(opened.size)).digest('hex') }
  })
}
