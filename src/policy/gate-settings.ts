/** The local substituter: its address, and the binary caches behind it. */
export interface GateSettings {
  readonly listen: Listen
  /** In order. The NAR of a path comes from the first one that offers the path. */
  readonly upstreams: readonly UpstreamSettings[]
  /** What Nix is told of a refused path: the reason, as an error, or that the path is absent. */
  readonly onRefusal: 'fail' | 'not-found'
  /** How many seconds to wait for an upstream. */
  readonly timeout: number
  /** How many seconds an upstream's answer about a path is reused. */
  readonly maxAge: number
  /** How many seconds it is remembered that no upstream has a path. */
  readonly negativeMaxAge: number
}

export interface Listen {
  /** An IP address, without brackets. */
  readonly host: string
  readonly port: number
}

/** A binary cache. */
export interface UpstreamSettings {
  /**
   * `http:`, `https:` or `file:`, as the URL standard serialises it, without user, query, fragment
   * and final slash.
   */
  readonly url: string
  /** The absolute path of a file that contains the value of the Authorization header to send. */
  readonly authorization?: string
}
