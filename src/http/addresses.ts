/**
 * Where addresses lead: to this machine or what is on its own wire, into a private network, or
 * outside of both.
 */
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { forAMoment } from '../primitives/for-a-moment.ts'
import { type Addresses, type Names, namesHere } from './names.ts'

/**
 * This machine, its own wire, and what is not a single other machine: loopback, "this network",
 * link-local, IETF protocol assignments (RFC 6890; Oracle's cloud has a service there), multicast and
 * broadcast. Then the services that clouds give to the machines in them, at addresses that look like
 * any other: of Alibaba, Azure, AWS, Google and Scaleway.
 */
const NEAR = networks(
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
  ['fd00:42::42', 128],
)

/**
 * Networks whose addresses mean something only within them: RFC 1918, the space that carriers and
 * VPNs share (RFC 6598), unique local (RFC 4193) and the old site-local addresses.
 */
const PRIVATE = networks(
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
  ['fec0::', 10],
)

const LOOPBACK = networks(['127.0.0.0', 8], ['::1', 128])

function networks(...all: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of all) list.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4')
  return list
}

/** Names that mean this machine wherever they are resolved (RFC 6761; /etc/hosts of Debian and Fedora). */
const OWN_NAME =
  /^(?:(?:.+\.)?localhost|localhost[46]?\.localdomain[46]?|localhost[46]|ip6-localhost|ip6-loopback)\.?$/i

/**
 * Names of clouds' services and of the machine around a container, for a proxy that would resolve
 * them. Otherwise the address decides.
 */
const SERVICE_NAME = new RegExp(
  `^(?:${[
    '(?:metadata|instance-data)(?:\\.(?:.+\\.)?internal)?',
    'metadata\\.(?:goog|tencentyun\\.com|platformequinix\\.com|packet\\.net)',
    'api\\.metadata\\.cloud\\.ibm\\.com',
    '(?:host|gateway)\\.(?:docker|containers)\\.internal',
  ].join('|')})\\.?$`,
  'i',
)

/** Names that no public DNS has: of one label, or for private use (ICANN, RFC 6762 and 8375). */
const PRIVATE_NAME = /^(?:[^.]+|(?:.+\.)?(?:internal|local|localdomain|home\.arpa))\.?$/i

const ownAddresses = forAMoment<BlockList>()

/** The addresses that this machine has now, on all its interfaces. */
function ownNow(): BlockList {
  const known = ownAddresses.get()
  if (known !== undefined) return known
  const own = new BlockList()
  for (const { address, family } of Object.values(networkInterfaces()).flatMap(one => one ?? []))
    own.addAddress(address.replace(/%.*/, ''), family === 'IPv4' ? 'ipv4' : 'ipv6')
  ownAddresses.set(own)
  return own
}

/**
 * Whether an IP address, without brackets, is one of this machine's own, link-local, or for special
 * purposes as above, also where IPv6 wraps the IPv4 address (mapped, compatible, NAT64, 6to4, Teredo
 * and ISATAP). Private networks are not near: caches are in them.
 */
export function isNearAddress(address: string): boolean {
  return placeOf(address) === 'here'
}

/** From the innermost to the outermost. */
export type Place = 'here' | 'private' | 'outside'

/**
 * Where an IP address leads, without brackets: `here` if it is near. Where IPv6 wraps an IPv4
 * address, to the innermost of both. What is not an address counts as outside.
 */
export function placeOf(address: string): Place {
  const [plain = ''] = address.split('%')
  const version = isIP(plain)
  if (version === 0) return 'outside'
  const inners = version === 4 ? [plain] : wrapped(plain)
  const isIn = (list: BlockList) =>
    (version === 6 && list.check(plain, 'ipv6')) || inners.some(inner => list.check(inner, 'ipv4'))
  if (isIn(NEAR) || isIn(ownNow())) return 'here'
  return isIn(PRIVATE) ? 'private' : 'outside'
}

/**
 * Where a URL's host, as the URL standard writes it, certainly leads, before it is resolved: `here`
 * for a near address, or a name that means this machine or a service of its cloud.
 */
export function placeOfHost(hostname: string): Place {
  if (OWN_NAME.test(hostname) || SERVICE_NAME.test(hostname)) return 'here'
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return placeOf(address)
  return PRIVATE_NAME.test(hostname) ? 'private' : 'outside'
}

/** Whether a URL's host is certainly this machine: a loopback address, or a name for it. */
export function isThisMachine(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  const version = isIP(address)
  if (version === 0) return OWN_NAME.test(hostname)
  return LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** The IPv4 addresses that an IPv6 address may stand for, by the known ways to wrap one. */
function wrapped(address: string): readonly string[] {
  const words = wordsOf(address)
  const at = (index: number) => words[index] ?? 0
  const starts = (...heads: readonly number[]) => heads.every((word, index) => at(index) === word)
  const ends = dotted(at(6), at(7))
  const found: string[] = []
  // ::a.b.c.d and ::ffff:a.b.c.d, and ::ffff:0:a.b.c.d of RFC 2765
  if (starts(0, 0, 0, 0) && (at(4) === 0 || at(4) === 0xffff) && (at(5) === 0 || at(5) === 0xffff))
    found.push(ends)
  // NAT64: the well-known prefix, and the local one, in which the address may stand at two places.
  if (starts(0x64, 0xff9b)) {
    const isSplit = at(2) === 1 && (at(3) !== 0 || at(4) !== 0 || at(5) !== 0)
    found.push(isSplit ? dotted(at(3), ((at(4) & 0xff) << 8) | (at(5) >>> 8)) : ends)
  }
  if (starts(0x2002)) found.push(dotted(at(1), at(2)))
  // Teredo: its server, and its client with all bits turned round.
  if (starts(0x2001, 0)) found.push(dotted(at(2), at(3)), dotted(at(6) ^ 0xffff, at(7) ^ 0xffff))
  // ISATAP
  if ((at(4) & 0xfdff) === 0 && at(5) === 0x5efe) found.push(ends)
  return found
}

function dotted(high: number, low: number): string {
  return [high >>> 8, high & 0xff, low >>> 8, low & 0xff].join('.')
}

/** The eight words of a valid IPv6 address. */
function wordsOf(address: string): readonly number[] {
  // The URL standard has one spelling for each, without dots.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const words = (text: string) => (text === '' ? [] : text.split(':').map(word => Number.parseInt(word, 16)))
  const [front, back] = [words(head), words(tail ?? '')]
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back]
}

/** As curl does, and so Nix: these names need no resolver (RFC 6761, section 6.3). */
const LOCALHOST = /^(?:.+\.)?localhost\.?$/i
const OWN: Addresses = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** Who named a host, and where a request to it may lead. */
export interface Naming {
  readonly reach: Reach
  /**
   * The host and port of the settings that redirected to it, if it is not of the settings itself.
   */
  readonly redirectedBy?: string | undefined
}

/** For sockets: resolves a name to all of its addresses, or to those that are not near. */
export function lookupFor({ reach, redirectedBy }: Naming, names: Names = namesHere()): LookupFunction {
  return (hostname, options, callback) => {
    const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0)
    const found = LOCALHOST.test(hostname)
      ? Promise.resolve(OWN.filter(one => family === 0 || one.family === family))
      : names.addresses(hostname, family, redirectedBy)
    found.then(
      all => {
        const fit = all.filter(({ address }) => mayReach(reach, placeOf(address)))
        const [first] = fit
        if (first === undefined) callback(barredError(hostname, all), '', 0)
        else if (options.all === true) callback(null, [...fit])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    )
  }
}

/**
 * Where a request may lead: to this machine as well, to others in private networks too, or outside
 * of them only.
 */
export type Reach = 'anywhere' | 'elsewhere' | 'outside'

export function mayReach(reach: Reach, place: Place): boolean {
  return reach === 'anywhere' || place === 'outside' || (reach === 'elsewhere' && place === 'private')
}

/**
 * Where a redirection may lead that comes from such a place: never further in than that, nor than
 * who redirected there could.
 */
export function reachFrom(place: Place, reach: Reach): Reach {
  if (place === 'here' || reach === 'outside') return reach
  return place === 'private' ? 'elsewhere' : 'outside'
}

/** `code` of the error of a lookup that found only addresses that must not be reached. */
const BARRED = 'NIXSIG_BARRED'

/** A name all of whose addresses must not be reached: where they lead. */
function barredError(hostname: string, all: Addresses): NodeJS.ErrnoException {
  const place: Place = all.every(({ address }) => isNearAddress(address)) ? 'here' : 'private'
  return Object.assign(new Error(`"${hostname}" is ${PLACES[place]}`), { code: BARRED, place })
}

/** Where the name leads that a lookup did not let through; undefined for any other error. */
export function barredPlace(error: unknown): Place | undefined {
  const { code, place } = (error ?? {}) as { readonly code?: unknown; readonly place?: Place }
  return code === BARRED ? place : undefined
}

/** What a place is called. */
export const PLACES: Readonly<Record<Place, string>> = {
  here: 'an address of this machine, or link-local, or for special purposes',
  private: 'in a private network, and who redirects there is not',
  outside: 'outside',
}
