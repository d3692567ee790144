/** On what an admitted path rested. */
import type { Admission } from '../ledger/admissions.ts'
import type { KeyIdentity, Principal, Role } from '../policy/policy.ts'

/** What may have been of use to a path: somebody's keys, in one role or any, or a signed graph. */
export type Support =
  | { readonly kind: 'keys'; readonly keys: ReadonlySet<KeyIdentity>; readonly role?: Role }
  /** The store path of the derivation whose build graph was signed. */
  | { readonly kind: 'graph'; readonly derivation: string }

/** Whether a claim that counted for this entry is of this kind. */
export function restsOn({ claims }: Pick<Admission, 'claims'>, support: Support): boolean {
  if (support.kind === 'graph') return claims.some(({ graph }) => graph === support.derivation)
  const { keys, role } = support
  return claims.some(claim => keys.has(claim.key) && (role === undefined || claim.role === role))
}

/** The keys of a principal. Keys of subordinates in a certificate count as the certificate's. */
export function keysOf({ keys }: Pick<Principal, 'keys'>): ReadonlySet<KeyIdentity> {
  return new Set(keys.map(({ identity }) => identity))
}
