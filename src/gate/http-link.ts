/**
 * What the process that judges and its process for HTTP say to each other, over the channel that Node opens between them.
 * Both are one program, so neither looks twice at what the other says.
 */
import type { Places } from '../verifier/places.ts'
import type { Counted } from './metrics.ts'

/** The number of the first file under which the process for HTTP finds the socket that listens. */
export const HTTP_FILE = 4

export interface HttpOrder {
  readonly places: Places
  /** How many files are that socket, from HTTP_FILE on. */
  readonly files: number
}

/** What only the judge's process can measure. */
export interface JudgeNumbers {
  readonly counted: readonly Counted[]
  readonly gauges: Readonly<Record<string, number>>
}

export type ToHttp =
  | { readonly kind: 'start'; readonly order: HttpOrder }
  | { readonly kind: 'reload' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'numbers'; readonly numbers: JudgeNumbers }
  | { readonly kind: 'close'; readonly graceMs: number }

export type FromHttp =
  | { readonly kind: 'listening'; readonly address: string }
  /** It cannot listen, and ends. */
  | { readonly kind: 'failed'; readonly message: string }
  /** `problem`: what is wrong with the policy. */
  | { readonly kind: 'reloaded'; readonly problem?: string }
  | { readonly kind: 'alive' }
  | { readonly kind: 'asks-numbers' }

/** One end of the channel. */
export interface Link<Sent, Received> {
  send(message: Sent): void
  onMessage(listener: (message: Received) => void): void
  /** The other side is gone. */
  onEnd(listener: () => void): void
}
