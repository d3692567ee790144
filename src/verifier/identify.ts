/** The one place that says what a path is to the policy, from who claims what of it. */
import { type ContentAddress, parseContentAddress } from '../formats/nix/content-address.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input, Output } from './build.ts'
import { declaredIn, saidOfOutput } from './declared.ts'
import type { Inquiry } from './inquiry.ts'
import { makersOf } from './makers.ts'

/**
 * What is known of a path besides its name. Its content address has been held against the name, so it is a proof and
 * nobody's word; without one the path is named by what it was built from.
 */
export interface Known {
  /** Whether it is offered from elsewhere, or in the store or about to be. */
  readonly from: 'caches' | 'store'
  readonly contentAddress?: Pick<ContentAddress, 'method' | 'algorithm'> | undefined
}

/** What the store knows of a path; Nix held its content address against its name. */
export function knownFromStore(info: PathInfo | undefined): Known {
  if (info?.ca === undefined) return { from: 'store' }
  return { from: 'store', contentAddress: parseContentAddress(info.ca) }
}

/** A path that is not a derivation, and all derivations in the store that make it. */
export interface Identified extends Input {
  readonly makers: readonly Output[]
}

/**
 * What a path is: what valid derivations say that they make it as, which they cannot say in two ways, for their outputs'
 * names follow from their contents. Without one, what is named by its contents is a source, and all else is an output.
 * Who registered the path as made by something has no say: anybody can do that.
 */
export async function identify(inquiry: Inquiry, path: StorePath, known: Known): Promise<Identified> {
  const makers = await makersOf(inquiry, path)
  const kind = makers[0]?.kind ?? kindOf(known)
  if (kind !== 'fetched-source') return { path, kind, makers }
  const declared = makers.flatMap(maker => saidOfOutput(declaredIn(maker.derivation)))
  return declared.length === 0 ? { path, kind, makers } : { path, kind, makers, declared }
}

/**
 * What a path is of which no derivation is known. Evaluation copies in trees and texts, hashed with SHA-256; what is hashed
 * in another way was fetched, and so is whatever comes from a cache.
 */
function kindOf({ from, contentAddress }: Known): Exclude<SubjectKind, 'derivation'> {
  if (contentAddress === undefined) return 'output'
  const { method, algorithm } = contentAddress
  const isCopied = (method === 'recursive' && algorithm === 'sha256') || method === 'text'
  return isCopied && from === 'store' ? 'local-source' : 'fetched-source'
}
