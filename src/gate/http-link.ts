/**
 * The messages between the process that judges and its process for HTTP, over the channel that Node
 * opens between them. Both run the same program, so neither validates what the other sends.
 */

import type { Places } from '../verifier/places.ts'
import type { Counted } from './metrics.ts'
import type { SocketOn } from './socket-file.ts'

/** The first file descriptor under which the process for HTTP finds the listening socket. */
export const HTTP_FILE = 4

/** What the process for HTTP needs to begin. */
export interface HttpOrder {
  readonly places: Places
  /** How many descriptors are that socket, counted from HTTP_FILE. */
  readonly files: number
  /** The socket that every user may ask; its descriptor comes after those. */
  readonly ask: SocketOn
}

/** What only the process that judges can measure. */
export interface JudgeNumbers {
  readonly counted: readonly Counted[]
  readonly gauges: Readonly<Record<string, number>>
}

/** Messages to the process for HTTP. */
export type ToHttp =
  | { readonly kind: 'start'; readonly order: HttpOrder }
  | { readonly kind: 'reload' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'numbers'; readonly numbers: JudgeNumbers }
  | { readonly kind: 'close'; readonly graceMs: number }

/** Messages from the process for HTTP. */
export type FromHttp =
  | { readonly kind: 'listening'; readonly address: string }
  /** It cannot listen, and ends. */
  | { readonly kind: 'failed'; readonly message: string }
  /** `problem`: what is wrong with the policy. */
  | { readonly kind: 'reloaded'; readonly problem?: string }
  | { readonly kind: 'alive' }
  | { readonly kind: 'asks-numbers' }

/** One end of the channel between the two processes. */
export interface Link<Sent, Received> {
  send(message: Sent): void
  onMessage(listener: (message: Received) => void): void
  /** Calls back when the other side is gone. */
  onEnd(listener: () => void): void
}
