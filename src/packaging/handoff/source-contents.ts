import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { contentsOf, withOpenedFile } from '../../crypto/detached/opened-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { narFileHead, narFileTail, narStart } from '../../formats/nix/nar-tokens.ts'
import { downloadTo } from '../../http/download.ts'
import { shownUrl } from '../../http/shown-url.ts'
import type { Store } from '../../store/store-client.ts'
import { type Contents, validContents } from '../contents.ts'
import type { Source } from './sources.ts'

const LIMITS = { bytes: 8 * 1024 * 1024 * 1024, time: 60 * 60_000, silence: 30_000 }

/** URLs of one source that are tried. */
const URL_LIMIT = 16

/** Where contents are looked for. */
export interface Workplace {
  readonly store: () => Promise<Store>
  /** A private directory that is removed afterwards. */
  readonly directory: string
}

/**
 * The contents of a source: from the store where it is valid, else fetched from its first URL that
 * has what the derivation says. Throws PackagingError for a path that is not what the store
 * registered, and FileError where nobody has the contents.
 */
export async function contentsOfSource(source: Source, workplace: Workplace): Promise<Contents> {
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
  for (const [index, url] of source.urls.slice(0, URL_LIMIT).entries()) {
    const file = join(workplace.directory, `${source.path.digest}.${index}`)
    const problem = await fetchInto(file, url)
    if (problem === undefined) {
      const { hash, narHash } = await hashesOf(file, fixed.algorithm)
      if (hash === fixed.hash) return { path, narHash, file }
      rmSync(file, { force: true })
    }
    problems.push(problem ?? `${shownUrl(url)} has other contents than the derivation says`)
  }
  throw new FileError(problems.join('; '))
}

/** Why a URL has no file to give; undefined if it lies there now. */
async function fetchInto(file: string, url: string): Promise<string | undefined> {
  if (existsSync(file)) return undefined
  try {
    return (await downloadTo(file, url, LIMITS)) ? undefined : `there is no ${shownUrl(url)}`
  } catch (error) {
    if (error instanceof FileError) return error.message
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
