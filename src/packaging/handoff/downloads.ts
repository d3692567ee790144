/**
 * What one hand-off downloads: each address once, however many sources ask for it. The files lie in
 * a private directory; large ones are deleted when no source needs them any longer.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { type DownloadLimits, downloadTo, UnusableAnswerError } from '../../http/download.ts'
import { shownUrl } from '../../http/shown-url.ts'

/** Files up to this size are kept to the end: every signature and list of checksums is smaller. */
const SMALL = 4 * 1024 * 1024

export interface Downloads {
  /**
   * A small file; undefined if the server does not have it. Throws FileError as `download` does.
   */
  bytes(url: string, limits: DownloadLimits): Promise<Buffer | undefined>
  /** A file of any size; undefined if the server does not have it. Throws like `downloadTo`. */
  file(url: string, limits: DownloadLimits): Promise<string | undefined>
  /** Says that somebody will ask for these addresses, and will say `done` once. */
  expect(urls: readonly string[]): void
  done(urls: readonly string[]): void
  /** Whether the server of an address did not answer before. */
  isSilent(url: string): boolean
  /** Says that it did not. */
  silent(url: string): void
}

interface Held {
  readonly limit: number
  readonly file: Promise<string | undefined>
  size: number
}

/**
 * `directory` is private; `received` hears of an address and how many bytes came from it so far.
 */
export function openDownloads(
  directory: string,
  received: (url: string, bytes: number) => void = () => {},
): Downloads {
  const held = new Map<string, Held>()
  const expected = new Map<string, number>()
  const silent = new Set<string>()
  let count = 0

  function fetchOnce(url: string, limits: DownloadLimits): Held {
    const known = held.get(url)
    if (known !== undefined && known.limit >= limits.bytes) return known
    const file = join(directory, `download-${count++}`)
    const one: Held = { limit: limits.bytes, file: fetchTo(file), size: 0 }
    async function fetchTo(target: string): Promise<string | undefined> {
      // What fitted into the smaller limit is whole.
      const before = await known?.file.catch(() => undefined)
      if (known !== undefined && before !== undefined) {
        one.size = known.size
        return before
      }
      const heard = (bytes: number) => {
        one.size = bytes
        received(url, bytes)
      }
      try {
        return (await downloadTo(target, url, { ...limits, received: heard })) ? target : undefined
      } catch (error) {
        rmSync(target, { force: true })
        throw error
      }
    }
    // Whoever asks hears of an error; nobody has to ask again.
    one.file.catch(() => {})
    held.set(url, one)
    return one
  }

  return {
    async bytes(url, limits) {
      const file = await fetchOnce(url, limits).file
      if (file === undefined) return undefined
      const tooLarge = `cannot fetch ${shownUrl(url)}: larger than ${limits.bytes} bytes`
      if ((held.get(url)?.size ?? 0) > limits.bytes) throw new UnusableAnswerError(tooLarge)
      const bytes = readRegularFile(file, limits.bytes)
      if (bytes === undefined) throw new FileError(`what came from ${shownUrl(url)} went away`)
      return bytes
    },
    file: (url, limits) => fetchOnce(url, limits).file,
    expect(urls) {
      for (const url of urls) expected.set(url, (expected.get(url) ?? 0) + 1)
    },
    done(urls) {
      for (const url of urls) {
        const left = (expected.get(url) ?? 0) - 1
        expected.set(url, left)
        const one = held.get(url)
        if (left > 0 || one === undefined || one.size <= SMALL) continue
        held.delete(url)
        void one.file.then(file => file && rmSync(file, { force: true })).catch(() => {})
      }
    },
    isSilent: url => silent.has(serverOf(url)),
    silent(url) {
      silent.add(serverOf(url))
    },
  }
}

/** What answers at an address or does not: a server, or a directory of this machine. */
export function serverOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return protocol === 'file:' ? pathname.replace(/[^/]*$/, '') : `${protocol}//${host}`
}
