/** Whose connections are taken in, by how that peer behaved: who opens too many, or sends what cannot be read, comes less often. */
import { openPaces, openPacesByKind, type Pace, type PacesByKind } from './paces.ts'
import type { Peer } from './peers.ts'

export interface RestraintLimits {
  /** Connections that are taken in. */
  readonly opened: PacesByKind
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
  const opening = openPacesByKind(opened)
  const erring = openPaces(unreadable)
  const punished = new Set<string>()
  return {
    lets: peer => !punished.has(peer.name) && opening.spend(peer),
    punish({ name, kind }) {
      if (ms === 0 || kind === 'root' || punished.has(name)) return
      punished.add(name)
      setTimeout(() => punished.delete(name), ms).unref()
    },
    forgives: ({ name, kind }) => kind === 'root' || erring.spend(name),
  }
}
