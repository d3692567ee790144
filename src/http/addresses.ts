/** Addresses that lead to this machine, or to what is on its own wire, whoever names them. */
import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

const NEAR = new BlockList()
NEAR.addSubnet('0.0.0.0', 8, 'ipv4')
NEAR.addSubnet('127.0.0.0', 8, 'ipv4')
NEAR.addSubnet('169.254.0.0', 16, 'ipv4')
NEAR.addAddress('::', 'ipv6')
NEAR.addAddress('::1', 'ipv6')
NEAR.addSubnet('fe80::', 10, 'ipv6')

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Names that mean this machine wherever they are resolved (RFC 6761, and Debian's /etc/hosts). */
const OWN_NAME = /^(?:(?:.+\.)?localhost|localhost\.localdomain|ip6-localhost|ip6-loopback)\.?$/i

/**
 * Whether an IP address, without brackets, is of this machine or link-local: 127/8, ::1, 0/8, ::,
 * 169.254/16 and fe80::/10, also where IPv6 wraps the IPv4 address (mapped, compatible, NAT64 and
 * 6to4).
 */
export function isNearAddress(address: string): boolean {
  const [plain = ''] = address.split('%')
  if (isIP(plain) === 4) return NEAR.check(plain, 'ipv4')
  if (isIP(plain) !== 6) return false
  return NEAR.check(plain, 'ipv6') || wrapped(plain).some(inner => NEAR.check(inner, 'ipv4'))
}

/**
 * Whether a URL's host, as the URL standard writes it, is one that no other machine may send
 * requests to: a near address, or a name that means this machine.
 */
export function isNearHost(hostname: string): boolean {
  return OWN_NAME.test(hostname) || isNearAddress(hostname.replace(/^\[|\]$/g, ''))
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

type Addresses = readonly { readonly address: string; readonly family: number }[]

/** As curl does, and so Nix: these names need no resolver (RFC 6761, section 6.3). */
const LOCALHOST = /^(?:.+\.)?localhost\.?$/i
const OWN: Addresses = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

const underWay = new Map<string, Promise<Addresses>>()

/**
 * The addresses of a name. Those who ask for it at the same time share one question: the system's
 * resolver answers four at a time, and may take long where there is no network.
 */
function addressesOf(hostname: string, family: number): Promise<Addresses> {
  if (LOCALHOST.test(hostname)) {
    return Promise.resolve(OWN.filter(one => family === 0 || one.family === family))
  }
  const key = `${family} ${hostname}`
  const known = underWay.get(key)
  if (known !== undefined) return known
  const asked = new Promise<Addresses>((found, failed) => {
    resolve(hostname, { all: true, family }, (error, addresses) =>
      error === null ? found(addresses) : failed(error),
    )
  }).finally(() => underWay.delete(key))
  underWay.set(key, asked)
  return asked
}

/** For sockets: resolves a name to all of its addresses, or to those that are not near. */
export function lookupFor(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0)
    addressesOf(hostname, family).then(
      all => {
        const fit = reach === 'anywhere' ? all : all.filter(({ address }) => !isNearAddress(address))
        const [first] = fit
        if (first === undefined) callback(nearError(hostname), '', 0)
        else if (options.all === true) callback(null, [...fit])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    )
  }
}

/** Where a request may lead: to this machine as well, or to others only. */
export type Reach = 'anywhere' | 'elsewhere'

/** `code` of the error of a lookup that found near addresses only. */
export const NEAR_CODE = 'NIXSIG_NEAR'

function nearError(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`"${hostname}" is an address of this machine, or link-local`), {
    code: NEAR_CODE,
  })
}
