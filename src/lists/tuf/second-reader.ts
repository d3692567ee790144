/**
 * Whatever our own reader has found in force, tuf-js reads once more, from the same bytes: a fault
 * in either alone lets nothing in. It gets nothing that was not verified already, and reaches no
 * server. Heavy: loaded only by `import()`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fetcher, Updater } from 'tuf-js'
import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { METADATA_LIMITS } from '../../formats/lists/tuf-metadata.ts'
import type { TufFile } from '../../formats/lists/tuf-signed.ts'
import { printable } from '../../primitives/printable.ts'
import type { TufState } from './refresh.ts'

const BASE = 'http://list.invalid/'

/** Roots by version, 1 first, as they are kept. */
export type RootFile = (version: number) => Uint8Array | undefined

/**
 * Has tuf-js follow the roots from the first one and read this state under the newest. Throws
 * FileError if it refuses the state, or finds another file for any path. `now`: seconds since 1970.
 */
export async function assertSecondReaderAgrees(
  rootFile: RootFile,
  state: TufState,
  now: number,
): Promise<void> {
  const directory = makeScratch('list')
  try {
    const first = rootFile(1)
    if (first === undefined) throw new FileError('its first root is not there')
    writeFileSync(join(directory, 'root.json'), first)
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: BASE,
      fetcher: fetcherOf(rootFile, state),
      config: {
        maxRootRotations: state.root.version - 1,
        rootMaxLength: METADATA_LIMITS.root,
        timestampMaxLength: METADATA_LIMITS.timestamp,
        snapshotMaxLength: METADATA_LIMITS.snapshot,
        targetsMaxLength: METADATA_LIMITS.targets,
      },
    })
    setClock(updater, now)
    const refuse = (error: unknown): never => {
      throw new FileError(
        `tuf-js refuses it: ${printable(error instanceof Error ? error.message : String(error))}`,
      )
    }
    await updater.refresh().catch(refuse)
    for (const [path, file] of filesOf(state)) {
      const found = await updater.getTargetInfo(path).catch(refuse)
      if (found?.length !== file.length || found.hashes['sha256'] !== file.sha256)
        throw new FileError(`tuf-js reads another file as ${printable(path)}`)
    }
  } finally {
    removeScratch(directory)
  }
}

/** Both readers judge by one time. tuf-js takes none: it notes that of its making. */
function setClock(updater: Updater, now: number): void {
  const trusted: unknown = Reflect.get(updater, 'trustedSet')
  if (!(trusted instanceof Object && Reflect.get(trusted, 'referenceTime') instanceof Date))
    throw new FileError('this version of tuf-js cannot be told the time')
  Reflect.set(trusted, 'referenceTime', new Date(now * 1000))
}

/** The list's own role first, as a reader has to look. */
function filesOf({ targets, teams }: TufState): ReadonlyMap<string, TufFile> {
  return new Map([...[...teams.values()].flatMap(team => [...team.targets]), ...targets.targets])
}

function fetcherOf(rootFile: RootFile, { files }: TufState): Fetcher {
  const bytesOf = (url: string): Uint8Array | undefined => {
    const name = decodeURIComponent(url.slice(BASE.length))
    const root = /^(\d{1,9})\.root\.json$/.exec(name)?.[1]
    return root === undefined ? files.get(name) : rootFile(Number(root))
  }
  return {
    downloadBytes: async (url, limit) => {
      const bytes = bytesOf(url)
      if (bytes === undefined) throw new Error(`${url.slice(BASE.length)} is not part of this state`)
      if (bytes.length > limit) throw new Error(`${url.slice(BASE.length)} is larger than ${limit} bytes`)
      return Buffer.from(bytes)
    },
    downloadFile: () => Promise.reject(new Error('no file is fetched')),
  }
}
