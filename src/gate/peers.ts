/** Who is at the other end of a connection, as far as limits go. */
import { isIPv6, type Socket } from 'node:net'
import { type Ends, isLocal, openSocketOwners, type SocketOwners } from './socket-owners.ts'

export interface Peer {
  /** The same for all connections of one peer. */
  readonly name: string
  /** The daemon of this machine is root's. */
  readonly isRoot: boolean
  /** A user of this machine, and not another machine. */
  readonly isLocal: boolean
}

/** Undefined: the connection is over. */
export type FindPeer = (socket: Socket) => Promise<Peer | undefined> | Peer | undefined

/**
 * Tells local peers by their user, and others by their address: those of IPv6 by the first half of it, since whoever has
 * one of them has them all.
 */
export function openPeers(owners: SocketOwners = openSocketOwners()): FindPeer {
  return socket => {
    const ends = endsOf(socket)
    if (ends === undefined) return undefined
    if (!isLocal(ends)) return { name: networkOf(ends.client.address), isRoot: false, isLocal: false }
    return owners.ownerOf(ends).then(localPeer)
  }
}

function localPeer(owner: number | undefined): Peer {
  return { name: `user ${owner ?? 'unknown'}`, isRoot: owner === 0, isLocal: true }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Ends | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  if (localAddress === undefined || localPort === undefined) return undefined
  return {
    client: { address: remoteAddress, port: remotePort },
    server: { address: localAddress, port: localPort },
  }
}

function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const groups = [head, tail ?? ''].map(part => (part === '' ? [] : part.split(':')))
  const [first = [], last = []] = groups
  const zeros = new Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0')
  return [...first, ...(tail === undefined ? [] : zeros), ...last].slice(0, 4).join(':')
}
