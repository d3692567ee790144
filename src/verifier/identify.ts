/**
 * The one place that decides which kind a path has for the policy, from who claims what about it.
 */

import type { Declaration } from '../evidence/derivation-signatures.ts'
import { type ContentAddress, parseContentAddress } from '../formats/nix/content-address.ts'
import { sourcePath } from '../formats/nix/make-store-path.ts'
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import type { Admission, AdmittedKind } from '../ledger/admissions.ts'
import type { PathInfo } from '../store/store-client.ts'
import { declaredFor, haveHash } from './declared-contents.ts'
import type { Input, Output } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { makersOf, vouchedFor } from './makers.ts'

/** The hashing of a path that is named by its NAR hash. */
export const OF_TREE = { method: 'recursive', algorithm: 'sha256' } as const

/**
 * What is known about a path besides its name. The content address has been checked against the
 * name: it needs no trust, and the contents still have to have that hash. A path without one is
 * named by what it was built from.
 */
export interface Known {
  /** `caches`: offered by a binary cache. `store`: valid in the store, or about to be. */
  readonly from: 'caches' | 'store'
  /** SHA-256 of the NAR, lower-case hex; absent if the path is gone. */
  readonly narHash?: string
  readonly contentAddress?: ContentAddress | undefined
  /** The kind in the ledger's entry, for a path that is no longer in the store. */
  readonly admittedAs?: AdmittedKind | undefined
}

/**
 * What the store knows about a path, whose content address Nix checked against its name; or what
 * the ledger knows, if the path is gone.
 */
export function knownFromStore(info: PathInfo | undefined, entry?: Admission): Known {
  if (info === undefined) return { from: 'store', admittedAs: entry?.kind }
  const { narHash } = info
  const contentAddress =
    info.ca === undefined ? addressByName(parseStorePath(info.path), info) : parseContentAddress(info.ca)
  const isOther = contentAddress !== undefined && isOtherTree(contentAddress, info)
  return { from: 'store', narHash, contentAddress: isOther ? undefined : contentAddress }
}

/**
 * Whether a path is registered with a content address that is not the one of its registered
 * contents. Of a tree that refers to itself this cannot be told: its hash leaves its own name out.
 */
function isOtherTree(
  { method, algorithm, hash }: ContentAddress,
  { path, narHash, references }: PathInfo,
): boolean {
  const isTree = method === OF_TREE.method && algorithm === OF_TREE.algorithm
  return isTree && hash !== narHash && !references.includes(path)
}

/** A path that is not a derivation, with all derivations in the store that make it. */
export interface Identified extends Input {
  readonly makers: readonly Output[]
}

/**
 * Returns the content address that the path's own name proves, given its NAR hash (hex) and its
 * references; undefined if the name does not prove one.
 */
export function addressByName(
  path: StorePath,
  { narHash, references }: Pick<PathInfo, 'narHash' | 'references'>,
): Known['contentAddress'] {
  const others = references.filter(reference => reference !== path.path)
  const self = others.length < references.length
  const named = sourcePath({ name: path.name, narHash, references: others, self })
  return named === path.path ? { ...OF_TREE, hash: narHash } : undefined
}

/**
 * Decides the kind of a path. Valid derivations that make it decide, because the names of their
 * outputs follow from their contents. Without such a derivation, a path named by its contents is a
 * source and any other path is an output. A tree or text that evaluation can have copied in has the
 * same name as if a derivation had fetched it. Anybody could add such a derivation, so it makes no
 * difference here. The deriver that the path was registered with does not count: anybody can set
 * it. What is fetched has to have the hash that its name is made of; without that it is an output.
 * Throws FileError if its contents cannot be read.
 */
export async function identify(inquiry: Inquiry, path: StorePath, known: Known): Promise<Identified> {
  const makers = await makersOf(inquiry, path)
  const named = kindOf(known)
  const kind = named === 'local-source' ? named : (makers[0]?.kind ?? named)
  if (kind === 'output') return { path, kind, makers }
  if (kind === 'fetched-source' && !(await isAsDeclared(path, known, makers))) {
    const [maker] = makers
    return { path, kind: 'output', makers, ...(maker && { unlike: maker.derivation.path.path }) }
  }
  const declared = await declaredBy(inquiry, makers)
  return declared.length === 0 ? { path, kind, makers } : { path, kind, makers, declared }
}

/**
 * Whether contents have the hash that their name is made of. Of contents that are not here yet Nix
 * compares them, if the cache that offers them states the hash as their content address.
 */
async function isAsDeclared(
  { path }: StorePath,
  { from, narHash, contentAddress }: Known,
  [maker]: readonly Output[],
): Promise<boolean> {
  const declared = (maker && declaredFor(maker)) ?? contentAddress
  if (narHash === undefined || declared === undefined) return true
  if (from === 'store') return (await haveHash(declared, { narHash, fsPath: path })) === true
  return (
    contentAddress?.hash === declared.hash ||
    (await haveHash(declared, { narHash, fsPath: undefined })) === true
  )
}

/**
 * What the derivations that make a source declare about its signatures. Declarations by derivations
 * that nobody vouches for are marked as hearsay.
 */
async function declaredBy(inquiry: Inquiry, makers: readonly Output[]): Promise<readonly Declaration[]> {
  const saying = makers.filter(({ declared = [] }) => declared.length > 0)
  const vouched = await vouchedFor(inquiry, saying)
  return saying.flatMap(maker => {
    const { declared = [] } = maker
    return vouched.includes(maker) ? declared : declared.map(each => ({ ...each, isHearsay: true as const }))
  })
}

/**
 * Whether evaluation can have copied this store path in, as a derivation claims that lists it as a
 * source.
 */
export function isCopied(info: PathInfo): boolean {
  return kindOf(knownFromStore(info)) === 'local-source'
}

/**
 * The kind of a path for which no derivation is known. Evaluation copies in trees and texts, hashed
 * with SHA-256. A path that is hashed in another way was fetched, and so was any content-addressed
 * path that comes from a cache.
 */
function kindOf({ from, contentAddress, admittedAs }: Known): Input['kind'] {
  if (admittedAs === 'fetched-source' || admittedAs === 'local-source') return admittedAs
  if (contentAddress === undefined) return 'output'
  const { method, algorithm } = contentAddress
  const isOfEvaluation = (method === 'recursive' && algorithm === 'sha256') || method === 'text'
  return isOfEvaluation && from === 'store' ? 'local-source' : 'fetched-source'
}
