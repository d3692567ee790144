/** `[http]`: how nixsig reaches other machines. */
import type { HttpSettings } from '../gate-settings.ts'
import { complain, fieldsOf, listOf, type Node, plainStringOf } from './fields.ts'
import { readUrl } from './url.ts'

const PATH_LIMIT = 1024
const HOST_LIMIT = 255
const COUNT_LIMIT = 100

/** The settings of a policy without `[http]`. */
export const DEFAULT_HTTP: HttpSettings = { noProxy: [] }

/** Reads `[http]` and records its problems. `absolute` resolves a path in the policy. */
export function readHttp(node: Node | undefined, absolute: (path: string) => string): HttpSettings {
  const fields = node && fieldsOf(node, [], ['proxy', 'proxy-authorization', 'no-proxy', 'certificates'])
  if (fields === undefined) return DEFAULT_HTTP
  const proxy = readUrl(fields.proxy, ['http'])
  const secret = plainStringOf(fields['proxy-authorization'], PATH_LIMIT)
  const certificates = plainStringOf(fields.certificates, PATH_LIMIT)
  if (fields.proxy === undefined && fields['proxy-authorization'] !== undefined)
    complain(fields['proxy-authorization'], 'needs a "proxy" to send it to')
  return {
    ...(proxy === undefined ? {} : { proxy }),
    ...(secret === undefined ? {} : { proxyAuthorization: absolute(secret) }),
    noProxy: listOf(fields['no-proxy'], COUNT_LIMIT)
      .map(readHost)
      .filter(host => host !== undefined),
    ...(certificates === undefined ? {} : { certificates: absolute(certificates) }),
  }
}

/** A host as the URL standard writes it, so that it can be compared with a URL's. */
function readHost(node: Node): string | undefined {
  const text = plainStringOf(node, HOST_LIMIT)
  if (text === undefined) return undefined
  const host =
    /^[a-z0-9._:[\]-]+$/.test(text) && URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined
  if (host?.hostname === text && host.port === '') return text
  return complain(node, 'must be a host name or an IP address, such as "example.org", "10.0.0.1" or "[::1]"')
}
