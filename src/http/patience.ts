/** How long to wait for a server, in milliseconds. */
export interface Patience {
  /**
   * From the start of a request until all headers have arrived, including connections and
   * redirections.
   */
  readonly headers: number
  /** From the start of a request until the last byte of the body has arrived. */
  readonly body: number
  /**
   * Pauses before each further try, after an error that may pass. Their number is that of the tries
   * after the first.
   */
  readonly pauses: readonly number[]
}

/** Three tries. */
export const PATIENCE: Patience = { headers: 10_000, body: 60_000, pauses: [250, 1000] }
