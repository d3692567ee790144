/** The address of a binary cache or store, as a policy writes it. */
import { storeParameters } from '../../formats/nix/store-address.ts'
import { printable } from '../../primitives/printable.ts'
import { complain, type Node, plainStringOf } from './fields.ts'
import type { Problem } from './policy-error.ts'
import { readUrl } from './url.ts'

const LIMIT = 1024

const ABSOLUTE = /^\/[^\0-\x1f\x7f]*$/
const SSH: Parameters = {
  'ssh-key': ABSOLUTE,
  'base64-ssh-public-host-key': /^[A-Za-z0-9+/]+={0,2}$/,
  compress: /^(?:true|false)$/,
  // Not an option, and for no shell.
  'remote-program': /^[A-Za-z0-9_./+=:@,-]+$/,
  'remote-store': /^[!-~]+$/,
}
/**
 * Nix's parameters that matter when a store is read. Those for writing would have no effect, and
 * `trusted` would mean something else here.
 */
export const PARAMETERS = {
  's3:': {
    profile: /^[^\0-\x1f\x7f]+$/,
    region: /^[a-z0-9-]{1,64}$/,
    scheme: /^https?$/,
    endpoint: /^(?:https?:\/\/)?(?:[A-Za-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?\/?$/,
    'addressing-style': /^(?:auto|path|virtual)$/,
  },
  'ssh:': SSH,
  'ssh-ng:': SSH,
} as const
export const LOCAL_PARAMETERS: Parameters = { root: ABSOLUTE, state: ABSOLUTE, log: ABSOLUTE, real: ABSOLUTE }

/** The beginning of an address: a bucket, or a user and a host. */
const AUTHORITY =
  /^(?:s3:\/\/[A-Za-z0-9][\w.-]*|ssh(?:-ng)?:\/\/(?:[\w.][\w.-]*@)?(?:\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)\/?(?:\?|$)/

/** What a parameter may be set to, by its name. */
type Parameters = Readonly<Record<string, RegExp>>

/**
 * An address: `https://`, `http://` or `file://` without query; `s3://`, `ssh://` or `ssh-ng://`
 * with Nix's parameters for reading; `local?…`, or an absolute path. It has only one spelling, so
 * that duplicates are noticed. Anything else is recorded and undefined.
 */
export function readUpstreamAddress(node: Node | undefined): string | undefined {
  const text = node && typeof node.value === 'string' ? node.value : ''
  if (/^(?:s3|ssh|ssh-ng):/.test(text)) return readRemoteStore(node)
  if (/^(?:local(?:\?|$)|\/)/.test(text)) return readLocalStore(node)
  return readUrl(node, ['https', 'http', 'file', 's3', 'ssh', 'ssh-ng'])
}

/** An address on its own, read as in a policy; or why it is not one, escaped. */
export function parseUpstreamAddress(text: string): { readonly url: string } | { readonly problem: string } {
  const problems: Problem[] = []
  const draft = { toml: '', locate: () => ({ line: 1, offset: 0 }), problems }
  const url = readUpstreamAddress({ draft, path: [], value: text })
  return url === undefined ? { problem: problems[0]?.message ?? 'is no address' } : { url }
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
  if (/^(?:-|%2d)/i.test(url.hostname) || /^-|%/.test(url.username))
    return complain(node, 'must name a host and a user that are no options of ssh')
  if (!/^\/?$/.test(url.pathname) || url.hash !== '')
    return complain(node, 'must not have a path or fragment')
  if (!AUTHORITY.test(text)) return complain(node, 'must name a host or a bucket in plain letters')
  const parameters = storeParameters(text)
  if (!readParameters(node, parameters, PARAMETERS[url.protocol])) return undefined
  const prefix = parameters.get('addressing-style') === 'virtual' ? `${url.hostname}.` : ''
  const endpoint = parameters.get('endpoint')?.replace(/^https?:\/\//, '')
  if (endpoint === undefined || URL.canParse(`http://${prefix}${endpoint}`)) return text
  return complain(node, 'must have an endpoint that is a host, perhaps with a port')
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
  const parameters = storeParameters(text)
  if (!readParameters(node, parameters, LOCAL_PARAMETERS)) return undefined
  if (parameters.has('root')) return text
  return complain(
    node,
    'must have a root, such as "local?root=/mnt": this machine\'s own store is no upstream',
  )
}

function readParameters(node: Node, parameters: URLSearchParams, known: Parameters): boolean {
  const names = [...parameters.keys()]
  const unknown = names.find(name => !Object.hasOwn(known, name))
  if (unknown !== undefined) {
    const list = Object.keys(known).join(', ')
    complain(node, `must not have the parameter "${printable(unknown, 40)}"; known are: ${list}`)
  }
  const wrong = [...parameters].find(([name, value]) => known[name]?.test(value) === false)
  if (wrong !== undefined) complain(node, `must not have ${wrong[0]} set to "${printable(wrong[1], 80)}"`)
  const isTwice = new Set(names).size < names.length
  if (isTwice) complain(node, 'must not have a parameter twice')
  return unknown === undefined && wrong === undefined && !isTwice
}
