import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { directoryUpstream } from './directory.ts'
import { httpUpstream } from './http.ts'
import type { Upstream } from './upstream.ts'

/**
 * Opens an upstream; sends no request yet. `timeout`: milliseconds for an answer, and for each next
 * part of a body.
 */
export function openUpstream(
  settings: UpstreamSettings,
  { timeout }: { readonly timeout: number },
): Upstream {
  return settings.url.startsWith('file:') ? directoryUpstream(settings.url) : httpUpstream(settings, timeout)
}
