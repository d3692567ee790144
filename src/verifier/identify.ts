/** The one place that says what a path is to the policy, from who claims what of it. */

import type { Declaration } from '../evidence/derivation-signatures.ts'
import { type ContentAddress, parseContentAddress } from '../formats/nix/content-address.ts'
import { sourcePath } from '../formats/nix/make-store-path.ts'
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import type { Admission, AdmittedKind } from '../ledger/admissions.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input, Output } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { makersOf, vouchedFor } from './makers.ts'

/** What is named by its NAR hash. */
export const OF_TREE = { method: 'recursive', algorithm: 'sha256' } as const

/**
 * What is known of a path besides its name. Its content address has been held against the name, so it is a proof and
 * nobody's word; without one the path is named by what it was built from.
 */
export interface Known {
  /** Whether it is offered from elsewhere, or in the store or about to be. */
  readonly from: 'caches' | 'store'
  readonly contentAddress?: Pick<ContentAddress, 'method' | 'algorithm'> | undefined
  /** As what the ledger has it, where it is not here any longer. */
  readonly admittedAs?: AdmittedKind | undefined
}

/**
 * What the store knows of a path, whose content address Nix held against its name; and the ledger, of one that is
 * gone.
 */
export function knownFromStore(info: PathInfo | undefined, entry?: Admission): Known {
  if (info === undefined) return { from: 'store', admittedAs: entry?.kind }
  const contentAddress =
    info.ca === undefined ? addressByName(parseStorePath(info.path), info) : parseContentAddress(info.ca)
  return { from: 'store', contentAddress }
}

/** A path that is not a derivation, and all derivations in the store that make it. */
export interface Identified extends Input {
  readonly makers: readonly Output[]
}

/** The content address that a path's own name proves, given its NAR hash (hex) and what it refers to. */
export function addressByName(
  path: StorePath,
  { narHash, references }: Pick<PathInfo, 'narHash' | 'references'>,
): Known['contentAddress'] {
  const others = references.filter(reference => reference !== path.path)
  const self = others.length < references.length
  const named = sourcePath({ name: path.name, narHash, references: others, self })
  return named === path.path ? OF_TREE : undefined
}

/**
 * What a path is: what valid derivations make it as, for their outputs' names follow from their contents. Without one,
 * what is named by its contents is a source, and all else is an output. A tree or text that evaluation can have copied
 * in has the same name if a derivation fetched it: anybody could add such a derivation, so it makes no difference here.
 * Who registered the path as made by something has no say: anybody can do that.
 */
export async function identify(inquiry: Inquiry, path: StorePath, known: Known): Promise<Identified> {
  const makers = await makersOf(inquiry, path)
  const named = kindOf(known)
  const kind = named === 'local-source' ? named : (makers[0]?.kind ?? named)
  if (kind === 'output') return { path, kind, makers }
  const declared = await declaredBy(inquiry, makers)
  return declared.length === 0 ? { path, kind, makers } : { path, kind, makers, declared }
}

/** What makers say of their own signatures. */
async function declaredBy(inquiry: Inquiry, makers: readonly Output[]): Promise<readonly Declaration[]> {
  const saying = makers.filter(({ declared = [] }) => declared.length > 0)
  const vouched = await vouchedFor(inquiry, saying)
  return saying.flatMap(maker => {
    const { declared = [] } = maker
    return vouched.includes(maker) ? declared : declared.map(each => ({ ...each, isHearsay: true as const }))
  })
}

/** Whether a path in the store can have been copied in by evaluation, as a derivation says that lists it as a source. */
export function isCopied(info: PathInfo): boolean {
  return kindOf(knownFromStore(info)) === 'local-source'
}

/**
 * What a path is of which no derivation is known. Evaluation copies in trees and texts, hashed with SHA-256; what is
 * hashed in another way was fetched, and so is whatever comes from a cache.
 */
function kindOf({ from, contentAddress, admittedAs }: Known): Input['kind'] {
  if (admittedAs === 'fetched-source' || admittedAs === 'local-source') return admittedAs
  if (contentAddress === undefined) return 'output'
  const { method, algorithm } = contentAddress
  const isOfEvaluation = (method === 'recursive' && algorithm === 'sha256') || method === 'text'
  return isOfEvaluation && from === 'store' ? 'local-source' : 'fetched-source'
}
