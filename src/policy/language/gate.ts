/** `[gate]`: the local substituter and the binary caches behind it. */
import type { GateSettings, Listen, UpstreamSettings } from '../gate-settings.ts'
import { complain, fieldsOf, isTable, listOf, type Node, plainStringOf, secondsOf, wordOf } from './fields.ts'
import { readUrl } from './url.ts'

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
  timeout: 10,
  maxAge: 3600,
  negativeMaxAge: 60,
}

/** Reads `[gate]` and records its problems. `absolute` resolves a path in the policy. */
export function readGate(node: Node | undefined, absolute: (path: string) => string): GateSettings {
  const fields =
    node &&
    fieldsOf(node, [], ['listen', 'upstreams', 'on-refusal', 'timeout', 'max-age', 'negative-max-age'])
  if (fields === undefined) return DEFAULT_GATE
  const seconds = (name: 'timeout' | 'max-age' | 'negative-max-age', least: number, limit: number) =>
    fields[name] && secondsOf(fields[name], least, limit)
  return {
    listen: readListen(fields.listen) ?? DEFAULT_GATE.listen,
    upstreams: readUpstreams(fields.upstreams, absolute),
    onRefusal: wordOf(fields['on-refusal'], ['fail', 'not-found']) ?? DEFAULT_GATE.onRefusal,
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

/** Reads an upstream, which is an address alone or `{ url, authorization }`. */
function readUpstream(node: Node, absolute: (path: string) => string): UpstreamSettings | undefined {
  const isWhole = isTable(node.value)
  const fields: Partial<Record<'url' | 'authorization', Node>> | undefined = isWhole
    ? fieldsOf(node, ['url'], ['authorization'])
    : { url: node }
  const url = readUrl(fields?.url, ['https', 'http', 'file'])
  const file = plainStringOf(fields?.authorization, PATH_LIMIT)
  if (url === undefined) return undefined
  if (fields?.authorization === undefined || file === undefined) return { url }
  if (!url.startsWith('https://') && !isOwnMachine(url)) {
    return complain(fields.authorization, 'goes to "https://" alone: others could read it on the way')
  }
  return { url, authorization: absolute(file) }
}

function isOwnMachine(url: string): boolean {
  return /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?:[:/]|$)/.test(url)
}
