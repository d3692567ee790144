/** `[gate]`: the local substituter and the binary caches behind it. */
import type { GateSettings, Listen, UpstreamSettings } from '../gate-settings.ts'
import {
  complain,
  countOf,
  fieldsOf,
  isTable,
  listOf,
  type Node,
  plainStringOf,
  secondsOf,
  wordOf,
} from './fields.ts'
import { readUpstreamAddress } from './upstream-address.ts'

const UPSTREAM_LIMIT = 32
const PATH_LIMIT = 1024
const ADDRESS_LIMIT = 64
const PORT_LIMIT = 65_535

const TIMEOUT_LIMIT = 300
const AGE_LIMIT = 30 * 24 * 3600
const NEGATIVE_AGE_LIMIT = 24 * 3600

/** The settings of a policy without `[gate]`. */
export const DEFAULT_GATE: GateSettings = {
  listen: { host: '127.0.0.1', port: 4649 },
  upstreams: [],
  onRefusal: 'fail',
  onNoAnswer: 'not-found',
  timeout: 10,
  maxAge: 3600,
  negativeMaxAge: 60,
}

const FIELDS = [
  'listen',
  'upstreams',
  'on-refusal',
  'on-no-answer',
  'netrc-file',
  'timeout',
  'max-age',
  'negative-max-age',
] as const

/** Reads `[gate]` and records its problems. `absolute` resolves a path in the policy. */
export function readGate(node: Node | undefined, absolute: (path: string) => string): GateSettings {
  const fields = node && fieldsOf(node, [], FIELDS)
  if (fields === undefined) return DEFAULT_GATE
  const seconds = (name: 'timeout' | 'max-age' | 'negative-max-age', least: number, limit: number) =>
    fields[name] && secondsOf(fields[name], least, limit)
  const word = (name: 'on-refusal' | 'on-no-answer') => wordOf(fields[name], ['fail', 'not-found'])
  const onRefusal = word('on-refusal')
  const netrc = plainStringOf(fields['netrc-file'], PATH_LIMIT)
  return {
    listen: readListen(fields.listen) ?? DEFAULT_GATE.listen,
    upstreams: readUpstreams(fields.upstreams, absolute),
    onRefusal: onRefusal ?? DEFAULT_GATE.onRefusal,
    // Whoever wants refusals to stop Nix, or not to, wants the same here unless they say otherwise.
    onNoAnswer: word('on-no-answer') ?? onRefusal ?? DEFAULT_GATE.onNoAnswer,
    ...(netrc === undefined ? {} : { netrcFile: absolute(netrc) }),
    timeout: seconds('timeout', 1, TIMEOUT_LIMIT) ?? DEFAULT_GATE.timeout,
    maxAge: seconds('max-age', 0, AGE_LIMIT) ?? DEFAULT_GATE.maxAge,
    negativeMaxAge: seconds('negative-max-age', 0, NEGATIVE_AGE_LIMIT) ?? DEFAULT_GATE.negativeMaxAge,
  }
}

/**
 * Parses an address and port such as `127.0.0.1:4649` or `[::1]:4649`; undefined if it is not one.
 */
export function parseListen(text: string): Listen | undefined {
  const [, host = '', digits] =
    /^(\[[0-9a-f:.]+\]|[0-9]+(?:\.[0-9]+){3}):(0|[1-9][0-9]{0,4})$/.exec(text) ?? []
  const port = Number(digits)
  // The URL standard has one spelling for each address, and no host name that looks like an address
  // has it.
  const isAddress = URL.canParse(`http://${host}`) && new URL(`http://${host}`).hostname === host
  if (!isAddress || port > PORT_LIMIT) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port }
}

function readListen(node: Node | undefined): Listen | undefined {
  const text = plainStringOf(node, ADDRESS_LIMIT)
  if (node === undefined || text === undefined) return undefined
  const listen = parseListen(text)
  if (listen === undefined || listen.port === 0) {
    return complain(node, 'must be an IP address and a port, such as "127.0.0.1:4649" or "[::1]:4649"')
  }
  return listen
}

function readUpstreams(
  node: Node | undefined,
  absolute: (path: string) => string,
): readonly UpstreamSettings[] {
  const upstreams = new Map<string, UpstreamSettings>()
  for (const item of listOf(node, UPSTREAM_LIMIT)) {
    const upstream = readUpstream(item, absolute)
    if (upstream === undefined) continue
    if (upstreams.has(upstream.url)) complain(item, 'is listed twice')
    upstreams.set(upstream.url, upstream)
  }
  return [...upstreams.values()]
}

/** Reads an upstream, which is an address alone or a table. */
function readUpstream(node: Node, absolute: (path: string) => string): UpstreamSettings | undefined {
  const fields = upstreamFields(node)
  const url = readUpstreamAddress(fields?.url)
  if (fields === undefined) return undefined
  const file = (name: 'authorization' | 'client-certificate' | 'client-key'): string | undefined => {
    const field = fields[name]
    const path = plainStringOf(field, PATH_LIMIT)
    if (field === undefined || path === undefined) return undefined
    const problem = url === undefined ? undefined : secretProblem(url, name)
    return problem === undefined ? absolute(path) : complain(field, problem)
  }
  const priority = countOf(fields.priority)
  const authorization = file('authorization')
  const certificate = file('client-certificate')
  const key = file('client-key')
  if ((fields['client-certificate'] === undefined) !== (fields['client-key'] === undefined))
    return complain(node, 'must have both "client-certificate" and "client-key", or neither')
  if (url === undefined) return undefined
  return {
    url,
    ...(authorization === undefined ? {} : { authorization }),
    ...(priority === undefined ? {} : { priority }),
    ...(certificate === undefined || key === undefined ? {} : { client: { certificate, key } }),
  }
}

function upstreamFields(node: Node): ReturnType<typeof upstreamTable> {
  return isTable(node.value) ? upstreamTable(node) : { url: node }
}

function upstreamTable(node: Node) {
  return fieldsOf(node, ['url'], ['authorization', 'priority', 'client-certificate', 'client-key'])
}

/** Why nothing secret may go to this address; undefined if it may. */
function secretProblem(url: string, name: string): string | undefined {
  if (!/^https?:/.test(url)) return 'is for "https://" and "http://" alone'
  if (url.startsWith('https://') || (isOwnMachine(url) && name === 'authorization')) return undefined
  return 'goes to "https://" alone: others could read it on the way'
}

function isOwnMachine(url: string): boolean {
  return /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?:[:/]|$)/.test(url)
}
