/** Whose connections are taken in, by how that peer behaved: who opens too many, or sends what cannot be read, comes less often. */
import { isPaced, openPaces, type Pace } from './paces.ts'
import type { Peer } from './peers.ts'

export interface RestraintLimits {
  /** Connections of one user of this machine that are taken in. Root has no such limit, nor has another machine. */
  readonly opened: Pace
  /** Connections of one peer but root that send what cannot be read, and are closed at once. Those beyond are held. */
  readonly unreadable: Pace
}

export interface Restraint {
  /** Whether a new connection of this peer may be taken in; it counts then. */
  lets(peer: Peer): boolean
  /** Takes in none of this peer for a while. Root is not punished. */
  punish(peer: Peer): void
  /** Whether a connection of this peer that sent what cannot be read is closed at once; it counts then. */
  forgives(peer: Peer): boolean
}

/** A peer is punished for so many milliseconds; 0: not at all. */
export function openRestraint({ opened, unreadable }: RestraintLimits, ms: number): Restraint {
  const opening = openPaces(opened)
  const erring = openPaces(unreadable)
  const punished = new Set<string>()
  return {
    lets: peer => !punished.has(peer.name) && (!isPaced(peer) || opening.spend(peer.name)),
    punish({ name, isRoot }) {
      if (ms === 0 || isRoot || punished.has(name)) return
      punished.add(name)
      setTimeout(() => punished.delete(name), ms).unref()
    },
    forgives: ({ name, isRoot }) => isRoot || erring.spend(name),
  }
}
