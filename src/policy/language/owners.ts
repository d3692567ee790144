import { printable } from '../../primitives/printable.ts'
import { complain, type Node } from './fields.ts'
import type { HeldKey } from './openpgp-keys.ts'

/**
 * The holder of each key (ownershipOf in keys.ts), so that nobody counts as two people. Records a
 * problem for a key that occurs a second time.
 */
export interface Owners {
  /** Adds a key that a principal lists. It may be listed only once. */
  list(ownership: string, principal: string, node: Node): void
  /**
   * Adds a key in a certificate that a principal lists. It may be in several certificates of the
   * same principal.
   */
  hold(key: HeldKey, principal: string, node: Node): void
}

/** An empty record of holders. */
export function owners(): Owners {
  const listed = new Map<string, string>()
  const held = new Map<string, { readonly principal: string; readonly fingerprint: string }>()
  return {
    list(ownership, principal, node) {
      const owner = listed.get(ownership)
      if (owner !== undefined) {
        complain(
          node,
          `is the same key as one of ${printable(owner)}: a key is one person's, and listed once`,
        )
      }
      const holder = held.get(ownership)
      if (holder !== undefined && holder.principal !== principal) {
        const { fingerprint } = holder
        complain(
          node,
          `is the same key as ${fingerprint} in a certificate of ${printable(holder.principal)}: ${WHY}`,
        )
      }
      listed.set(ownership, principal)
    },
    hold({ ownership, fingerprint }, principal, node) {
      const owner = listed.get(ownership) ?? held.get(ownership)?.principal
      if (owner !== undefined && owner !== principal) {
        const key = `key ${fingerprint} in the certificate`
        complain(node, `${key} is the same key as one of ${printable(owner)}: ${WHY}`)
      }
      if (!held.has(ownership)) held.set(ownership, { principal, fingerprint })
    },
  }
}

const WHY = "a key is one person's"
