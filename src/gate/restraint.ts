/**
 * Decides whose connections are accepted, by how each peer behaved. A peer that opens too many, or
 * sends what cannot be read, is slowed down.
 */

import type { Peer } from './peers.ts'
import { openPaces, openPacesByKind, type Pace, type PacesByKind } from './rate-limits.ts'

/** What a peer may do before it is slowed down. */
export interface RestraintLimits {
  /** How often connections are accepted. */
  readonly opened: PacesByKind
  /**
   * How often a peer other than root may send what cannot be read and have its connection closed at
   * once. Beyond that its connections are held.
   */
  readonly unreadable: Pace
}

export interface Restraint {
  /** Whether a new connection of this peer may be accepted. Counts it if so. */
  lets(peer: Peer): boolean
  /** Accepts no connections of this peer for a while. Does nothing for root. */
  punish(peer: Peer): void
  /**
   * Whether a connection of this peer that sent what cannot be read is closed at once. Counts it if
   * so.
   */
  forgives(peer: Peer): boolean
}

/** `ms`: how many milliseconds a punishment lasts; 0 means that there are none. */
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
