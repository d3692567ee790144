import { closeSync, constants, createReadStream, fstatSync, openSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { CACHE_INFO_LIMIT } from '../../formats/nix/cache-info.ts'
import { NARINFO_LIMIT } from '../../formats/nix/narinfo.ts'
import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { printable } from '../../primitives/printable.ts'
import { nameBelow } from './location.ts'
import { readOffer } from './read-offer.ts'
import { keepStanding } from './standing.ts'
import type { Reachable, Said, Streamed, Upstream } from './upstream.ts'

/**
 * A binary cache in a local directory, as `nix copy --to file:///…` makes it; `url` is its `file:`
 * address.
 */
export function directoryUpstream({ url, priority }: Pick<UpstreamSettings, 'url' | 'priority'>): Upstream {
  const directory = fileURLToPath(url)
  const locate = (name: string): Reachable => ({ kind: 'streamed', url: nameBelow(url, name) })
  const standing = keepStanding(async () => {
    const file = fileIn(directory, 'nix-cache-info')
    return file === undefined ? undefined : readRegularFile(file, CACHE_INFO_LIMIT)
  }, priority)
  const upstream: Upstream = {
    url,
    locate,
    standing: standing.now,
    asked: standing.asked,
    forget: standing.forget,
    async narinfo(digest): Promise<Said> {
      const problem = standing.problem()
      if (problem !== undefined) return { kind: 'silent', detail: problem }
      if (!isThere(directory)) return { kind: 'silent', detail: `${printable(directory)} is not there` }
      try {
        const file = fileIn(directory, `${digest}.narinfo`)
        const bytes = file === undefined ? undefined : readRegularFile(file, NARINFO_LIMIT)
        return bytes === undefined ? { kind: 'absent' } : readOffer(upstream, digest, bytes)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        return { kind: 'malformed', detail: error.message }
      }
    },
    async stream(name, { range, signal }): Promise<Streamed | undefined> {
      const [path = ''] = nameBelow(url, name).split('?')
      const file = fileIn(directory, decodeURIComponent(path))
      return file === undefined ? undefined : streamFile(file, range, signal)
    },
    close: () => {},
  }
  return upstream
}

function isThere(directory: string): boolean {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * The real path of a file of the directory; undefined if it is absent. Throws FileError if it is
 * outside the directory.
 */
function fileIn(directory: string, name: string): string | undefined {
  if (name.includes('\0')) return undefined
  try {
    const file = realpathSync.native(join(directory, name))
    if (file.startsWith(`${realpathSync.native(directory)}${sep}`)) return file
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new FileError(`cannot read ${printable(name)} in ${printable(directory)}: ${printable(message)}`)
  }
  throw new FileError(`${printable(name)} leads out of ${printable(directory)}`)
}

/** Opens a regular file or, if a range is given that the file has, that part of it. */
function streamFile(file: string, range: string | undefined, signal: AbortSignal | undefined): Streamed {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const status = fstatSync(fd)
  if (!status.isFile()) {
    closeSync(fd)
    throw new FileError(`${printable(file)} is not a regular file`)
  }
  const part = partOf(range, status.size)
  const { start, end } = part ?? { start: 0, end: status.size - 1 }
  const body = createReadStream('', { fd, start, end: Math.max(end, start), ...(signal ? { signal } : {}) })
  if (part === undefined) return { status: 200, length: status.size, body }
  return { status: 206, length: end - start + 1, contentRange: `bytes ${start}-${end}/${status.size}`, body }
}

/**
 * The part that a Range header asks for; undefined if there is no valid range or it is outside the
 * file (RFC 9110, 14.2).
 */
function partOf(range: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, from, to] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? '') ?? []
  if (from === undefined) return undefined
  const start = Number(from)
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  return start <= end && start < size ? { start, end } : undefined
}
