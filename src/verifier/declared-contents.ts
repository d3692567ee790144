/**
 * Whether contents are those that a derivation declares for what it fetches. The path of a fixed
 * output is made from the declared hash, so its name proves which hash that is. Only the bytes
 * prove that they have it.
 */
import type { ContentAddress } from '../formats/nix/content-address.ts'
import type { Verdict } from '../policy/verdict.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input, Output } from './derivation-parts.ts'

/** Contents of a path. */
export interface Bytes {
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Where they lie; undefined if they are not here. */
  readonly fsPath: string | undefined
}

/** The registered contents of a path, as they lie in the store. */
export function ofStore({ path, narHash }: Pick<PathInfo, 'path' | 'narHash'>): Bytes {
  return { narHash, fsPath: path }
}

/** The most answers that are kept. */
const COUNT_LIMIT = 10_000
/** By NAR hash and declared hash: whether contents have both. That never changes. */
const known = new Map<string, boolean>()

/** What the derivation of a fixed output declares; undefined for other outputs. */
export function declaredFor({ derivation: { derivation }, name }: Output): ContentAddress | undefined {
  const output = derivation.outputs.find(made => made.name === name)
  return output?.kind === 'fixed' ? output : undefined
}

/**
 * Whether contents have this hash; undefined if that cannot be found out, because they are not here
 * or are no longer those that `narHash` names. Throws FileError if they cannot be read.
 */
export async function haveHash(
  { method, algorithm, hash }: ContentAddress,
  { narHash, fsPath }: Bytes,
): Promise<boolean | undefined> {
  if (method === 'recursive' && algorithm === 'sha256') return narHash === hash
  // Of contents that are not here, a verdict must not depend on what this process has read before.
  if (fsPath === undefined) return undefined
  const key = [narHash, method, algorithm, hash].join(' ')
  const before = known.get(key)
  if (before !== undefined) return before
  const { hashOfTree } = await import('../store/tree-hash.ts')
  const found = await hashOfTree(fsPath, { method, algorithm })
  if (found.narHash !== narHash) return undefined
  known.set(key, found.hash === hash)
  if (known.size > COUNT_LIMIT) known.delete(known.keys().next().value ?? '')
  return found.hash === hash
}

/**
 * Returns what a derivation names as fetched, as what its contents are: an output if they do not
 * have the declared hash. Anything else is returned as it is. Throws like `haveHash`.
 */
export async function asItsContents<T extends Input>(input: T, bytes: Bytes): Promise<T> {
  const { kind, path, derivation } = input
  if (kind !== 'fetched-source' || derivation === undefined) return input
  const declared = derivation.derivation.outputs.find(
    output => output.kind === 'fixed' && output.path === path.path,
  )
  if (declared?.kind === 'fixed' && (await haveHash(declared, bytes))) return input
  const { declared: _, part: __, ...rest } = input
  return { ...(rest as T), kind: 'output', unlike: derivation.path.path }
}

/** Adds to a verdict which derivation declares other contents. */
export function tellingOfUnlike<T extends Verdict>(verdict: T, unlike: string | undefined): T {
  if (unlike === undefined) return verdict
  const detail = 'its hash is not one that these contents are known to have, so they count as an output'
  const stray = { problem: 'other-contents', origin: unlike, detail } as const
  return { ...verdict, strays: [...(verdict.strays ?? []), stray] }
}
