import type { Readable } from 'node:stream'

export interface GateRequest {
  readonly method: 'GET' | 'HEAD'
  /** As sent, undecoded: begins with a slash, visible ASCII alone, at most 2048 characters. */
  readonly path: string
  /** The Range header, as sent. */
  readonly range?: string | undefined
  /** Aborts if the client goes away before it has the whole answer. */
  readonly signal: AbortSignal
}

export interface GateResponse {
  readonly status: number
  /** Names in lower case. The length of a Buffer is added; that of a stream is held to if it is told. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | Readable
}

export type Handler = (request: GateRequest) => GateResponse | Promise<GateResponse>

/** What a client is told whose request cannot be read. */
export interface Unreadable {
  /** A whole answer, the last on its connection. */
  readonly words: string
  /** Whether it did not come in time. */
  readonly isLate: boolean
}
