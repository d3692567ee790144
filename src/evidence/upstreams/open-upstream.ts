import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { directoryUpstream } from './directory.ts'
import { httpUpstream } from './http.ts'
import type { OpenOptions } from './open-options.ts'
import type { Upstream } from './upstream.ts'

export { type OpenOptions, openOptions } from './open-options.ts'

/** Opens an upstream; sends no request yet. */
export function openUpstream(settings: UpstreamSettings, options: OpenOptions): Upstream {
  return settings.url.startsWith('file:') ? directoryUpstream(settings) : httpUpstream(settings, options)
}
