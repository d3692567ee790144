import type { Narinfo } from '../../formats/nix/narinfo.ts'
import type { Streamed, StreamOptions } from './upstream.ts'

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
export interface Answer {
  /** The upstream's address. */
  readonly upstream: string
  readonly said: Said
  /** How long it took. */
  readonly seconds: number
}
