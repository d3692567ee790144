/** A binary cache, asked for what it says of a store path and, where Nix cannot get them itself, for NARs. */
import type { Readable } from 'node:stream'
import type { UpstreamSettings } from '../../policy/policy.ts'
import { directoryUpstream } from './directory.ts'
import { httpUpstream } from './http.ts'
import type { Reachable, Said } from './offer.ts'

export interface Upstream {
  /** As the policy writes it. */
  readonly url: string
  /** What it says of the path with this hash part, 32 characters. Never rejects. */
  narinfo(digest: string): Promise<Said>
  /** Where a file of its is: a name that a narinfo gives it. Throws FormatError for one that leads anywhere else. */
  locate(name: string): Reachable
  /**
   * A file of its, relative to its address; undefined if there is none. Rejects with FormatError, FileError and
   * SourceError, of which the last also ends a body that breaks off or stalls.
   */
  stream(name: string, options: StreamOptions): Promise<Streamed | undefined>
  close(): void
}

export interface StreamOptions {
  /** The value of a Range header: one range of bytes. */
  readonly range?: string
  /** Ends it. */
  readonly signal?: AbortSignal
}

export interface Streamed {
  /** 206: a part of it, which `contentRange` names. */
  readonly status: 200 | 206
  /** Bytes, if they are known. */
  readonly length: number | undefined
  readonly contentRange?: string
  readonly body: Readable
}

/**
 * Opens an upstream, which asks nothing yet. `timeout`: milliseconds for an answer, and for each next part of a body.
 */
export function openUpstream(
  settings: UpstreamSettings,
  { timeout }: { readonly timeout: number },
): Upstream {
  return settings.url.startsWith('file:') ? directoryUpstream(settings.url) : httpUpstream(settings, timeout)
}
