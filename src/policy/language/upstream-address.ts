/** The address of a binary cache or store, as a policy writes it. */
import { complain, type Node, plainStringOf } from './fields.ts'
import { readUrl } from './url.ts'

const LIMIT = 1024

/**
 * Nix's parameters that matter when a store is read. Those for writing would have no effect, and
 * `trusted` would mean something else here.
 */
export const PARAMETERS = {
  's3:': ['profile', 'region', 'scheme', 'endpoint', 'addressing-style'],
  'ssh:': ['ssh-key', 'base64-ssh-public-host-key', 'compress', 'remote-program', 'remote-store'],
  'ssh-ng:': ['ssh-key', 'base64-ssh-public-host-key', 'compress', 'remote-program', 'remote-store'],
} as const
export const LOCAL_PARAMETERS: readonly string[] = ['root', 'state', 'log', 'real']

/**
 * An address: `https://`, `http://` or `file://` without query; `s3://`, `ssh://` or `ssh-ng://` with
 * Nix's parameters for reading; `local?…`, or an absolute path. It has only one spelling, so that
 * duplicates are noticed. Anything else is recorded and undefined.
 */
export function readUpstreamAddress(node: Node | undefined): string | undefined {
  const text = node && typeof node.value === 'string' ? node.value : ''
  if (/^(?:s3|ssh|ssh-ng):/.test(text)) return readRemoteStore(node)
  if (/^(?:local(?:\?|$)|\/)/.test(text)) return readLocalStore(node)
  return readUrl(node, ['https', 'http', 'file', 's3', 'ssh', 'ssh-ng'])
}

function readRemoteStore(node: Node | undefined): string | undefined {
  const text = plainStringOf(node, LIMIT)
  if (node === undefined || text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !isRemote(url.protocol) || url.hostname === '')
    return complain(node, 'must name a host or a bucket, such as "s3://bucket" or "ssh-ng://host"')
  if (url.password !== '') return complain(node, 'must not have a password')
  if (url.protocol === 's3:' && (url.username !== '' || url.port !== ''))
    return complain(node, 'must name a bucket alone; an endpoint is a parameter')
  // ssh would take it for an option.
  if (/^-/.test(decodeURIComponent(url.hostname)) || /^-|%/.test(url.username))
    return complain(node, 'must name a host and a user that are no options of ssh')
  if (!/^\/?$/.test(url.pathname) || url.hash !== '')
    return complain(node, 'must not have a path or fragment')
  return readParameters(node, url.searchParams, PARAMETERS[url.protocol]) ? text : undefined
}

function isRemote(protocol: string): protocol is keyof typeof PARAMETERS {
  return Object.hasOwn(PARAMETERS, protocol)
}

function readLocalStore(node: Node | undefined): string | undefined {
  const text = plainStringOf(node, LIMIT)
  if (node === undefined || text === undefined) return undefined
  if (text.startsWith('/')) {
    if (text === '/' || /\/\/|\/\.{0,2}(?:\/|$)|\?/.test(text))
      return complain(node, 'must be an absolute path without "." and "..", and not "/"')
    return text
  }
  const parameters = new URLSearchParams(text.slice('local'.length))
  if (!readParameters(node, parameters, LOCAL_PARAMETERS)) return undefined
  if ([...parameters.values()].every(value => /^\/[^\0]*$/.test(value)) && parameters.has('root')) return text
  return complain(
    node,
    'must have a root, such as "local?root=/mnt": this machine\'s own store is no upstream',
  )
}

function readParameters(node: Node, parameters: URLSearchParams, known: readonly string[]): boolean {
  const names = [...parameters.keys()]
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    complain(node, `must not have the parameter "${unknown.slice(0, 40)}"; known are: ${known.join(', ')}`)
  }
  const isTwice = new Set(names).size < names.length
  if (isTwice) complain(node, 'must not have a parameter twice')
  return unknown === undefined && !isTwice
}
