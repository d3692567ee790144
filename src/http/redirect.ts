import type { IncomingMessage } from 'node:http'
import { printable } from '../primitives/printable.ts'
import { isThisMachine, type Place, placeOf, placeOfHost, type Reach, reachFrom } from './addresses.ts'
import { exchange, senderOf } from './exchange.ts'
import { directRoute, type Route } from './route.ts'
import { shownUrl } from './shown-url.ts'
import { refused, SourceError } from './source-error.ts'

/**
 * Where redirections may lead: to the same host only, or anywhere, and then from https to http or
 * not. `same host` never leads from https to http either. A server elsewhere never leads to this
 * machine, and one outside of private networks never into one. `none`: a redirection is the answer.
 */
export type Redirects = 'none' | 'same host' | 'anywhere' | 'anywhere as safe'

/** Redirections that one request follows at most. Caches and mirrors need more than attestations. */
const LIMIT: Readonly<Record<Redirects, number>> = {
  none: 0,
  'same host': 3,
  anywhere: 20,
  'anywhere as safe': 20,
}
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

export interface Followed {
  readonly url: string
  readonly route?: Route | undefined
  readonly redirects: Redirects
  /** Sent to every server. */
  readonly headers: Readonly<Record<string, string>>
  /** Sent to the URL's own origin only. */
  readonly ownHeaders: Readonly<Record<string, string>>
  /** Whether it is a long answer, which must not keep others from a connection. */
  readonly isLong: boolean
}

/** The response after redirections. Rejects with SourceError and FileError. */
export async function follow(followed: Followed, signal: AbortSignal): Promise<IncomingMessage> {
  const { route = directRoute(), redirects, headers, ownHeaders, isLong } = followed
  const first = new URL(followed.url)
  let url = first
  // What the caller names may be this machine.
  let reach: Reach = 'anywhere'
  for (let count = 0; ; count++) {
    const isOwn = url.origin === first.origin
    const redirectedBy = url.hostname === first.hostname ? undefined : first.host
    const destination = { url, reach, redirectedBy, isOwn, isLong }
    const sent = isOwn ? { ...headers, ...ownHeaders } : headers
    const response = await exchange(route, { destination, headers: sent }, signal).catch((error: unknown) => {
      throw count === 0 ? error : ofThisAnswer(error)
    })
    if (redirects === 'none' || !REDIRECTS.includes(response.statusCode ?? 0)) return response
    reach = reachFrom(sourceOf(response, url, route), reach)
    response.destroy()
    if (count === LIMIT[redirects]) throw refused(`redirects more than ${count} times`)
    url = redirection(url, response.headers.location ?? '', redirects)
  }
}

/** Where a redirection leads nowhere, the server that gave it can still answer other questions. */
function ofThisAnswer(error: unknown): unknown {
  if (!(error instanceof SourceError) || error.hardship !== 'unreachable') return error
  const { message, isPassing, isGarbage, status } = error
  return new SourceError(message, { isPassing, isGarbage, status, hardship: 'failing' })
}

/**
 * Who answered. Through a proxy only the name of the server is known, and no machine is this one.
 */
function sourceOf(response: IncomingMessage, url: URL, route: Route): Place {
  if (isThisMachine(url.hostname)) return 'here'
  if (!route.isProxied(url)) return placeOf(senderOf(response))
  return placeOfHost(url.hostname) === 'outside' ? 'outside' : 'private'
}

/** Where a redirection leads. Throws SourceError if that is not allowed. */
function redirection(from: URL, location: string, allowed: Redirects): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const isAddress =
    to !== undefined && to.username === '' && to.password === '' && /^https?:$/.test(to.protocol)
  const isSafe = to?.protocol === 'https:' || from.protocol === 'http:'
  if (isAddress) {
    if (allowed === 'anywhere' || (allowed === 'anywhere as safe' && isSafe)) return to
    const isSafer = to.protocol === 'https:' && to.hostname === from.hostname
    if (allowed === 'same host' && (isSafer || to.origin === from.origin)) return to
  }
  // A query may hold a signature that opens what it is about to whoever has it.
  const shown = to === undefined ? printable(location.replace(/\?.*/s, '?…'), 120) : shownUrl(to.href)
  throw refused(`redirects to "${shown.slice(0, 200)}", which ${reasonOf(allowed, { isAddress, isSafe })}`)
}

function reasonOf(
  allowed: Redirects,
  { isAddress, isSafe }: { readonly isAddress: boolean; readonly isSafe: boolean },
): string {
  if (allowed === 'same host') return 'is not the same host'
  if (!isAddress || isSafe) return 'is not an address to follow'
  return 'others could read and change on the way'
}
