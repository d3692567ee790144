import { join } from 'node:path'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { METADATA_LIMITS } from '../../formats/lists/tuf-metadata.ts'
import { download } from '../../http/download.ts'

/** Where a list is published. Nothing that it answers is believed before it was verified. */
export interface TufSource {
  /**
   * A file by its path with slashes (`metadata/timestamp.json`), at most `limit` bytes; undefined
   * if it is not there. Throws FileError.
   */
  readonly read: (path: string, limit: number) => Promise<Uint8Array | undefined>
}

/** The file of a list's first root, which nothing vouches for. Throws FileError. */
export async function readFirstRootFile({ read }: TufSource): Promise<Uint8Array> {
  const bytes = await read('metadata/1.root.json', METADATA_LIMITS.root)
  if (bytes === undefined) throw new FileError('metadata/1.root.json is absent: no list is published there')
  return bytes
}

/** A directory of this machine, by its absolute path. */
export function directorySource(directory: string): TufSource {
  return { read: async (path, limit) => readRegularFile(join(directory, path), limit) }
}

/** Milliseconds for one file, and without a byte. */
const FILE_TIME = 120_000
const SILENCE = 20_000

/** A server, by an http or https URL without query, with or without a slash at its end. */
export function httpSource(url: string): TufSource {
  const base = url.replace(/\/+$/, '')
  return {
    read: (path, limit) => download(`${base}/${path}`, { bytes: limit, time: FILE_TIME, silence: SILENCE }),
  }
}

/** What one update may take in all. */
export interface UpdateLimits {
  readonly bytes: number
  readonly files: number
  /** Milliseconds. */
  readonly time: number
}

export const UPDATE_LIMITS: UpdateLimits = {
  bytes: 512 * 1024 * 1024,
  files: 60_000,
  time: 30 * 60_000,
}

/** The same source, which reads nothing more once a limit is reached: against data without end. */
export function boundedSource({ read }: TufSource, limits: UpdateLimits): TufSource {
  const since = performance.now()
  let files = 0
  let bytes = 0
  return {
    read: async (path, limit) => {
      if (++files > limits.files) throw new FileError(`an update fetches at most ${limits.files} files`)
      if (performance.now() - since > limits.time)
        throw new FileError(`an update takes at most ${limits.time / 1000} seconds`)
      const left = limits.bytes - bytes
      if (left <= 0) throw new FileError(`an update fetches at most ${limits.bytes} bytes`)
      const found = await read(path, Math.min(limit, left))
      bytes += found?.length ?? 0
      return found
    },
  }
}
