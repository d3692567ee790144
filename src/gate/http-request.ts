import type { Readable } from 'node:stream'
import type { Peer } from './peers.ts'

/** A GET or HEAD request without a body. */
export interface GateRequest {
  readonly method: 'GET' | 'HEAD'
  /** As sent, not decoded. Begins with a slash; visible ASCII only, at most 2048 characters. */
  readonly path: string
  /** The Range header, as sent. */
  readonly range?: string | undefined
  /** Who asks. */
  readonly peer: Peer
  /** Aborts if the client goes away before it has the whole answer. */
  readonly signal: AbortSignal
}

/** An answer to it. For HEAD, the body is not sent. */
export interface GateResponse {
  readonly status: number
  /**
   * Names in lower case. For a Buffer, the content length is added. For a stream, a
   * `content-length` given here is enforced.
   */
  readonly headers?: Readonly<Record<string, string>>
  /** A string is ASCII, and its headers have its length: it is sent in one piece with them. */
  readonly body?: Buffer | string | Readable
}

/** Answers a request. If it throws or rejects, the server answers 500. */
export type Handler = (request: GateRequest) => GateResponse | Promise<GateResponse>

/** What a client is told when its request cannot be read. */
export interface Unreadable {
  /** A complete HTTP response, the last on its connection. */
  readonly words: string
  /** Whether the request did not arrive in time. */
  readonly isLate: boolean
}
