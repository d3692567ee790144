/** A mirror of Debian's archive: a directory, or a server with a cache of what came from it. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../../files/durable-file.ts'
import { namesIn } from '../../../files/names-in.ts'
import { readRegularFile } from '../../../files/regular-file.ts'
import { download } from '../../../http/download.ts'
import { toHex } from '../../../primitives/hex.ts'
import { printable } from '../../../primitives/printable.ts'
import { sha256 } from '../../../primitives/sodium.ts'
import { BuildError } from '../build-error.ts'
import type { ListedFile } from './control.ts'

const TIME = { time: 300_000, silence: 60_000 }

export interface Mirror {
  /** How messages call it, escaped. */
  readonly shown: string
  /** Suites that are there; undefined if nobody can list them. */
  suites(): readonly string[] | undefined
  /** A file by its path, unverified; undefined if it is not there. Throws FileError. */
  read(path: string, limit: number): Promise<Uint8Array | undefined>
  /**
   * A file by its hash and size; undefined if it is not there. Throws BuildError for another file,
   * or for one above the limit, and FileError.
   */
  readListed(file: ListedFile, limit: number): Promise<Uint8Array | undefined>
}

export function openMirror(place: string, cache: string | undefined): Mirror {
  if (!/^https?:\/\//.test(place)) return directoryMirror(place)
  if (cache === undefined) return serverMirror(place.replace(/\/+$/, ''), undefined)
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  return serverMirror(place.replace(/\/+$/, ''), cache)
}

function directoryMirror(directory: string): Mirror {
  const read = async (path: string, limit: number) => readRegularFile(join(directory, path), limit)
  return {
    shown: printable(directory),
    suites: () => {
      const dists = join(directory, 'dists')
      if (!existsSync(dists)) return []
      return namesIn(dists).filter(suite => existsSync(join(dists, suite, 'InRelease')))
    },
    read,
    readListed: async (file, limit) => verified(file, await read(file.name, bounded(file, limit))),
  }
}

function serverMirror(url: string, cache: string | undefined): Mirror {
  const read = (path: string, limit: number) =>
    download(`${url}/${path.split('/').map(encodeURIComponent).join('/')}`, { bytes: limit, ...TIME })
  return {
    shown: printable(url),
    suites: () => undefined,
    read,
    readListed: async (file, limit) => {
      const kept = cache === undefined ? undefined : join(cache, file.sha256)
      const before = kept === undefined ? undefined : readRegularFile(kept, bounded(file, limit))
      if (before !== undefined && isListed(file, before)) return before
      const bytes = verified(file, await read(file.name, bounded(file, limit)))
      if (bytes !== undefined && kept !== undefined) writeDurably(kept, bytes, { flush: false })
      return bytes
    },
  }
}

function bounded({ name, size }: ListedFile, limit: number): number {
  if (size > limit) throw new BuildError(`${printable(name)} has ${size} bytes, more than ${limit}`)
  return size
}

function verified(file: ListedFile, bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined || isListed(file, bytes)) return bytes
  throw new BuildError(`${printable(file.name)} is another file than the signed index lists`)
}

function isListed({ size, sha256: hash }: ListedFile, bytes: Uint8Array): boolean {
  return bytes.length === size && toHex(sha256(bytes)) === hash
}
