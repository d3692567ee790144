/** The local substituter: its address, and the binary caches behind it. */
export interface GateSettings {
  readonly listen: Listen
  /** In order. The NAR of a path comes from the first one that offers the path. */
  readonly upstreams: readonly UpstreamSettings[]
  /** What Nix is told of a refused path: the reason, as an error, or that the path is absent. */
  readonly onRefusal: 'fail' | 'not-found'
  /**
   * What Nix is told of a path that no upstream offers while at least one cannot be asked: the
   * reason, as an error, or that the path is absent.
   */
  readonly onNoAnswer: 'fail' | 'not-found'
  /** The absolute path of a file with names and passwords by host, in the form of curl's netrc. */
  readonly netrcFile?: string
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

/** A binary cache, or a store that Nix can reach. */
export interface UpstreamSettings {
  /**
   * `http:`, `https:` or `file:`, as the URL standard serialises it, without user, query, fragment
   * and final slash; or `s3:`, `ssh:`, `ssh-ng:` with Nix's parameters; or a local store: `local?…`
   * or an absolute path, which is its root.
   */
  readonly url: string
  /** The absolute path of a file that contains the value of the Authorization header to send. */
  readonly authorization?: string
  /** Which upstream is preferred: the lowest number. Undefined: what the cache says of itself. */
  readonly priority?: number
  /** As whom the machine appears to the server, in TLS: absolute paths of PEM files. */
  readonly client?: { readonly certificate: string; readonly key: string }
}

/** How nixsig reaches other machines over HTTP, for caches and for sources of attestations. */
export interface HttpSettings {
  /** An `http://` proxy, as the URL standard serialises it. */
  readonly proxy?: string
  /** The absolute path of a file that contains the value of the Proxy-Authorization header. */
  readonly proxyAuthorization?: string
  /**
   * Hosts that are reached without the proxy: `example.org` with all below it, or an IP address.
   */
  readonly noProxy: readonly string[]
  /** The absolute path of a PEM file whose certificates are trusted instead of the system's. */
  readonly certificates?: string
}
