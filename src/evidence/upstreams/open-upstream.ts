import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { directoryUpstream } from './directory.ts'
import { httpUpstream } from './http.ts'
import type { OpenOptions } from './open-options.ts'
import { s3Upstream } from './s3/s3-upstream.ts'
import { storeUpstream } from './stores/store-upstream.ts'
import type { Upstream } from './upstream.ts'

export { type OpenOptions, openOptions } from './open-options.ts'

/** Opens an upstream; sends no request and starts no program yet. */
export function openUpstream(settings: UpstreamSettings, options: OpenOptions): Upstream {
  const { url } = settings
  if (url.startsWith('file:')) return directoryUpstream(settings)
  if (url.startsWith('s3:')) return s3Upstream(settings, options)
  if (/^(?:ssh|ssh-ng|local|\/)/.test(url)) return storeUpstream(settings, options)
  return httpUpstream(settings, options)
}
