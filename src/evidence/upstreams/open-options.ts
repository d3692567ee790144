import type { HttpSettings } from '../../policy/gate-settings.ts'
import type { Policy } from '../../policy/policy.ts'

/** What a policy says of all upstreams. */
export interface OpenOptions {
  /** Milliseconds for an answer, and for each next part of a body. */
  readonly timeout: number
  /** By default directly, with the system's certificates. */
  readonly http?: HttpSettings
  /** The absolute path of a file with names and passwords by host. */
  readonly netrcFile?: string
}

/** The options with which a policy's upstreams are opened. */
export function openOptions({ gate, http }: Pick<Policy, 'gate' | 'http'>): OpenOptions {
  const { timeout, netrcFile } = gate
  return { timeout: timeout * 1000, http, ...(netrcFile === undefined ? {} : { netrcFile }) }
}
