import type { Readable } from 'node:stream'
import type { Narinfo } from '../../formats/nix/narinfo.ts'

/** Where the file with a NAR is: Nix gets it itself, or has to be handed it because it cannot. */
export type Reachable =
  | { readonly kind: 'url'; readonly url: string }
  /** Relative to the upstream's base; checked. */
  | { readonly kind: 'streamed'; readonly url: string }

/**
 * What a binary cache says of a store path. Well-formed, about the path that was asked for, and nothing more is
 * known.
 */
export interface Offer {
  /** The upstream's address. */
  readonly upstream: string
  readonly narinfo: Narinfo
  readonly nar: Reachable
  /** The file with the NAR, from its beginning; undefined if there is none. Rejects as `Upstream.stream` does. */
  open(options: StreamOptions): Promise<Streamed | undefined>
}

/** An upstream's answer to a question about one path. Details are escaped. */
export type Said =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'absent' }
  /** It did not answer, or not with what is an answer: it is down. */
  | { readonly kind: 'silent'; readonly detail: string }
  /** It answered, and what it said cannot be believed of anybody. */
  | { readonly kind: 'malformed'; readonly detail: string }

/** Who said what. */
export interface UpstreamAnswer {
  /** The upstream's address. */
  readonly upstream: string
  readonly said: Said
  /** How long it took. */
  readonly seconds: number
}

/** A binary cache, asked what it says of a store path and, where Nix cannot fetch them itself, for NARs. */
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
