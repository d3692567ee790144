/**
 * How requests reach servers: directly or through a proxy, with which certificates. None of it
 * comes from the environment.
 */
import { existsSync, readFileSync } from 'node:fs'
import http, { type RequestOptions } from 'node:http'
import https from 'node:https'
import { createSecureContext } from 'node:tls'
import { readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import {
  isThisMachine,
  lookupFor,
  mayReach,
  type Naming,
  PLACES,
  type Place,
  placeOfHost,
} from './addresses.ts'
import { readSecret, readSecretHeader } from './secret-file.ts'
import { refused, type SourceError } from './source-error.ts'
import { TunnelAgent } from './tunnel.ts'
import { versionsOf } from './versions.ts'

/** Paths are absolute. */
export interface RouteSettings {
  /** The `http:` URL of a proxy. */
  readonly proxy?: string
  /** A file that contains the value of the Proxy-Authorization header. */
  readonly proxyAuthorization?: string
  /** Hosts that are reached without the proxy, each with all names below it. */
  readonly noProxy: readonly string[]
  /** A PEM file with the certificates that servers must have theirs from. */
  readonly certificates?: string
  /** As whom the machine appears to a server, in TLS: PEM files. */
  readonly client?: { readonly certificate: string; readonly key: string }
}

/** To whom a request goes. */
export interface Destination extends Naming {
  readonly url: URL
  /** Whether the server may see the client's certificate. */
  readonly isOwn: boolean
  /** Whether it is a long request, which must not keep others from a connection. */
  readonly isLong: boolean
}

export interface Route {
  /** Whether a server is reached through the proxy. */
  isProxied(url: URL): boolean
  /**
   * Options for Node's request to a URL, with an agent whose connections are shared. Throws
   * FileError if a file of the settings cannot be used, and SourceError if the destination must
   * not be reached.
   */
  options(destination: Destination): RequestOptions
}

/** Connections to one server, or to the proxy, at the same time, and those for long requests besides. */
const CONNECTIONS = 32
const PROXY_CONNECTIONS = 128
const LONG_CONNECTIONS = 512

const CERTIFICATES_LIMIT = 4 * 1024 * 1024
const KEY_LIMIT = 64 * 1024

/**
 * The system's trusted certificates, on NixOS and Debian, and on Fedora. Otherwise Node's own are
 * used.
 */
const CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

/** As many routes as a policy can have settings, and those of some policies before it. */
const ROUTES_LIMIT = 128
const routes = new Map<string, Route>()

/** The route with these settings. Those who want the same one share its connections. */
export function routeWith(settings: RouteSettings): Route {
  const { proxy, proxyAuthorization, noProxy, certificates, client } = settings
  const key = JSON.stringify([proxy, proxyAuthorization, noProxy, certificates, client])
  const known = routes.get(key)
  if (known !== undefined) return known
  if (routes.size >= ROUTES_LIMIT) routes.clear()
  const route = openRoute(settings)
  routes.set(key, route)
  return route
}

/** Directly, with the system's certificates. */
export function directRoute(): Route {
  return routeWith({ noProxy: [] })
}

function openRoute(settings: RouteSettings): Route {
  const proxy = settings.proxy === undefined ? undefined : new URL(settings.proxy)
  const short = plainAgents(CONNECTIONS, PROXY_CONNECTIONS)
  const long = plainAgents(LONG_CONNECTIONS, LONG_CONNECTIONS)
  const secure = secureAgents(settings, proxy)
  const isProxied = ({ hostname }: URL) =>
    proxy !== undefined && !isThisMachine(hostname) && !isExcepted(settings.noProxy, hostname)

  return {
    isProxied,
    options({ url, reach, redirectedBy, isOwn, isLong }) {
      const place = placeOfHost(url.hostname)
      if (!mayReach(reach, place)) throw leadsInward(url.hostname, place)
      const lookup = lookupFor({ reach, redirectedBy })
      if (url.protocol === 'https:') {
        return { agent: secure({ isProxied: isProxied(url), reach, isOwn, isLong }), lookup }
      }
      const plain = isLong ? long : short
      if (proxy === undefined || !isProxied(url)) return { agent: plain[reach], lookup }
      return {
        agent: plain.proxy,
        // Which host it may be is said by the settings.
        lookup: lookupFor({ reach: 'anywhere' }),
        ...placeOf(proxy),
        // Node prefers this one, and takes it from the URL.
        hostname: placeOf(proxy).host,
        path: url.href.replace(/#.*$/, ''),
        headers: { host: url.host, ...proxyHeaders(settings) },
      }
    },
  }
}

/** A redirection to this machine or into a private network by who is not there. */
export function leadsInward(hostname: string, place: Place): SourceError {
  return refused(`redirects to "${hostname}", which is ${PLACES[place]}`)
}

function plainAgents(each: number, proxy: number) {
  return {
    anywhere: plainAgent(each),
    // Apart, since a connection leads where it led before.
    elsewhere: plainAgent(each),
    outside: plainAgent(each),
    proxy: plainAgent(proxy),
  }
}

function plainAgent(maxSockets: number): http.Agent {
  return new http.Agent({ keepAlive: true, maxSockets })
}

type SecureWay = Omit<Destination, 'url' | 'redirectedBy'> & { readonly isProxied: boolean }

/** Agents for TLS; new ones when a file of the settings has changed. */
function secureAgents(settings: RouteSettings, proxy: URL | undefined) {
  const { certificates, client } = settings
  const files = [certificates, client?.certificate, client?.key].filter(file => file !== undefined)
  let kept: { readonly versions: string; readonly agents: Map<string, https.Agent> } | undefined
  return ({ isProxied, reach, isOwn, isLong }: SecureWay): https.Agent => {
    const versions = versionsOf(files)
    if (kept?.versions !== versions) kept = { versions, agents: new Map() }
    const key = `${isProxied} ${reach} ${isOwn && client !== undefined} ${isLong}`
    const known = kept.agents.get(key)
    if (known !== undefined) return known
    const options = {
      keepAlive: true,
      maxSockets: isLong ? LONG_CONNECTIONS : CONNECTIONS,
      // Sets explicitly what the environment could change otherwise.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...authorities(certificates),
      ...(isOwn && client !== undefined ? identity(client) : {}),
    } as const
    const agent =
      isProxied && proxy !== undefined
        ? new TunnelAgent(options, { ...placeOf(proxy), headers: () => proxyHeaders(settings) })
        : new https.Agent(options)
    kept.agents.set(key, agent)
    return agent
  }
}

function authorities(certificates: string | undefined): { readonly ca?: Buffer } {
  if (certificates !== undefined) return { ca: readProtectedFile(certificates, CERTIFICATES_LIMIT) }
  const file = CERTIFICATES.find(existsSync)
  return file === undefined ? {} : { ca: readFileSync(file) }
}

function identity({ certificate, key }: { readonly certificate: string; readonly key: string }) {
  const pair = {
    cert: readProtectedFile(certificate, CERTIFICATES_LIMIT),
    key: readSecret(key, 'key', KEY_LIMIT),
  }
  try {
    createSecureContext(pair)
    return pair
  } catch {
    const names = `${printable(certificate)} and ${printable(key)}`
    throw new FileError(`${names} are not a certificate and its key in PEM form, without a password`)
  }
}

function placeOf(proxy: URL): { readonly host: string; readonly port: number } {
  return { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: Number(proxy.port || 80) }
}

function proxyHeaders({ proxyAuthorization: file }: RouteSettings): Readonly<Record<string, string>> {
  return file === undefined ? {} : { 'proxy-authorization': readSecretHeader(file, "proxy's authorization") }
}

/** `exception` is a host name with all below it, or an IP address. */
function isExcepted(exceptions: readonly string[], hostname: string): boolean {
  const host = hostname.replace(/\.$/, '')
  return exceptions.some(exception => host === exception || host.endsWith(`.${exception}`))
}
