/** How long a server is waited for, in milliseconds. */
export interface Patience {
  /**
   * From the beginning of a request to the last header of the answer, connecting and redirections
   * included.
   */
  readonly headers: number
  /** From there to the last byte of the body. */
  readonly body: number
  /** Before each further try, where an error may pass. */
  readonly pauses: readonly number[]
}

/** Three tries in all. */
export const PATIENCE: Patience = { headers: 10_000, body: 60_000, pauses: [250, 1000] }
