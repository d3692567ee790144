/** Identifies the peer of a connection, for limits. */
import { isIPv6, type Socket } from 'node:net'
import { type DaemonClients, openDaemonClients } from './daemon-clients.ts'
import { type Ends, isLocal, type Owner, openSocketOwners, type SocketOwners } from './socket-owners.ts'
import { openSubordinateUsers } from './subordinate-users.ts'

/**
 * Root; `client`: a user for whom nix-daemon asks and whose builds wait for the answer; `user`: a
 * user of this machine who asks directly; or another machine.
 */
export type PeerKind = 'root' | 'client' | 'user' | 'machine'

/** Who has opened a connection: limits apply to each peer. */
export interface Peer {
  /**
   * Equal for all connections of one peer, and different for different peers, of whatever kinds: it
   * begins with the kind.
   */
  readonly name: string
  readonly kind: PeerKind
}

/** Resolves to undefined if the connection is over. */
export type FindPeer = (socket: Socket) => Promise<Peer | undefined> | Peer | undefined

/** The sources from which a peer is identified; tests replace them. */
export interface PeerSources {
  readonly owners: SocketOwners
  readonly clients: DaemonClients
  /**
   * The owner of a user number: that number, or that of whoever was given it as a subordinate one.
   * Never root for another number than 0.
   */
  readonly userOf: (user: number) => number | string
}

/**
 * Identifies local peers by their user, and others by their address. For IPv6 that is the first 64
 * bits, since whoever has one of these addresses has all of them. For nix-daemon, the user is the
 * one for whom it asks.
 */
export function openPeers(sources: Partial<PeerSources> = {}): FindPeer {
  const { owners, clients, userOf } = {
    owners: sources.owners ?? openSocketOwners(),
    clients: sources.clients ?? openDaemonClients(),
    userOf: sources.userOf ?? openSubordinateUsers(),
  }

  async function localPeer(ends: Ends, owner: Owner | undefined): Promise<Peer> {
    if (owner === undefined) return UNKNOWN
    if (owner.user !== 0) return peer('user', userOf(owner.user))
    const client = await clients.clientOf(owner.inode)
    if (client === undefined) return (await isStill(ends, owner)) ? ROOT : UNKNOWN
    if ('worker' in client) return peer('client', `of process ${client.worker}`)
    return client.user === 0 ? ROOT : peer('client', userOf(client.user))
  }

  /**
   * Whether some process has the socket still. The one of nix-daemon that had it may have ended since,
   * as it does when its client goes away: its user is not root for that.
   */
  async function isStill(ends: Ends, { inode }: Owner): Promise<boolean> {
    return (await owners.ownerOf(ends))?.inode === inode
  }

  return socket => {
    const ends = endsOf(socket)
    if (ends === undefined) return undefined
    if (!isLocal(ends)) return peer('machine', networkOf(ends.client.address))
    return owners.ownerOf(ends).then(owner => localPeer(ends, owner))
  }
}

const ROOT: Peer = { name: 'root', kind: 'root' }

const UNKNOWN = peer('user', 'unknown')

function peer(kind: PeerKind, who: number | string): Peer {
  return { name: `${kind} ${who}`, kind }
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
