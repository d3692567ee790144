import type { Readable } from 'node:stream'
import type { Narinfo } from '../../formats/nix/narinfo.ts'
import type { Standing } from './standing.ts'

/**
 * Where the file with a NAR is: Nix downloads it itself, or the gate has to stream it because Nix
 * cannot.
 */
export type Reachable =
  | { readonly kind: 'url'; readonly url: string }
  /** Relative to the upstream's base; validated. */
  | { readonly kind: 'streamed'; readonly url: string }

/**
 * What a binary cache says about a store path. It is well-formed and about the requested path;
 * nothing else is verified.
 */
export interface Offer {
  /** The upstream's address, as the policy writes it. */
  readonly upstream: string
  readonly narinfo: Narinfo
  readonly nar: Reachable
  /**
   * Opens the file with the NAR from its start; undefined if it is absent. Rejects as
   * `Upstream.stream` does.
   */
  open(options: StreamOptions): Promise<Streamed | undefined>
}

/** An upstream's answer about one path. Details are escaped. */
export type Said =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'absent' }
  /** It did not answer, or answered with a failure: it is down. */
  | { readonly kind: 'silent'; readonly detail: string }
  /** It answered with something that is not valid for any path. */
  | { readonly kind: 'malformed'; readonly detail: string }

/** An answer, and the upstream that gave it. */
export interface UpstreamAnswer {
  /** The upstream's address. */
  readonly upstream: string
  readonly said: Said
  /** How long the answer took. */
  readonly seconds: number
}

/** A binary cache. It is asked for narinfos and, if Nix cannot download them itself, for NARs. */
export interface Upstream {
  /** The address, as the policy writes it. */
  readonly url: string
  /** What it says about the path with this hash part (32 characters). Never rejects. */
  narinfo(digest: string): Promise<Said>
  /**
   * Where one of its files is, by the name that a narinfo gives it. Throws FormatError if that is
   * outside the upstream.
   */
  locate(name: string): Reachable
  /**
   * Opens one of its files, by its name relative to the address; undefined if it is absent. Rejects
   * with FormatError, FileError, SourceError and NoTurn. A body that breaks off or stalls ends with
   * SourceError.
   */
  stream(name: string, options: StreamOptions): Promise<Streamed | undefined>
  /** What it says of itself, as far as that is known: never waits. */
  standing(): Standing
  /** The same, once it was asked. Never rejects. */
  asked(): Promise<Standing>
  /** Drops what it remembers of earlier answers and failures. */
  forget?(): void
  close(): void
}

export interface StreamOptions {
  /** The value of a Range header: one range of bytes. */
  readonly range?: string
  /** What it is: by default a NAR. An upstream that fails at the one may still have the other. */
  readonly kind?: 'log'
  /** What to do with a file that has a Content-Encoding: by default it is an error. */
  readonly encoded?: 'pass on'
  /** Aborts the stream. */
  readonly signal?: AbortSignal
  /** Turns of what the stream needs; by default a few have one at once, whoever asks. */
  readonly turns?: StreamTurns
}

/**
 * Each waits for a turn and resolves with what gives it back. Rejects with NoTurn if none comes in
 * time, or with the signal's reason.
 */
export interface StreamTurns {
  /** Of a program that undoes an encoding. */
  program(signal: AbortSignal): Promise<() => void>
  /**
   * Of a process through which a store sends a NAR. `store`: its address, as the policy writes it.
   */
  sending(store: string, signal: AbortSignal): Promise<() => void>
}

/** A file, or part of it, as a stream. */
export interface Streamed {
  /** 206: the part of it that `contentRange` names. */
  readonly status: 200 | 206
  /** Bytes, if known. */
  readonly length: number | undefined
  readonly contentRange?: string
  /** The Content-Encoding, if it has one. */
  readonly encoding?: string
  readonly body: Readable
}
