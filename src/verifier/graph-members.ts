/** What the signature of a whole build graph covers. */
import { NO_HASH } from '../evidence/signed-graphs.ts'
import { FileError } from '../files/regular-file.ts'
import { GRAPH_LINE_LIMIT, type GraphEntry } from '../formats/nix/build-graph.ts'
import { isSaidToBeSignature } from '../formats/nix/declared-signatures.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { withTurns } from '../primitives/with-turns.ts'
import { declaredIn, partNamed } from './declared-signatures.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import { readDerivation } from './stored-derivation.ts'

/** The number of derivations that are read before other work gets its turn. */
const AT_ONCE = 64

/** What is kept of a derivation while its graph is collected. */
export interface Member {
  readonly narHash: string
  /** The derivations that it is built from. */
  readonly inputs: readonly string[]
  /** The sources that it uses, other than as signatures. */
  readonly sources: readonly string[]
  /** What it names as signatures, among its inputs. */
  readonly signatures: ReadonlySet<string>
  /** What it fetches; absent if it says that this is a signature. */
  readonly fetched?: string
}

/**
 * Everything that a derivation is built from: itself, the derivations below it, the sources that
 * they name, and what they fetch. A file that a derivation names as a signature is not covered
 * through this derivation: whoever signed the graph let it in only as a signature. A .drv that a
 * build only reads as a file is not part of the graph.
 *
 * Descends from names to contents, each proved by the name. A .drv below that cannot be read
 * covers nothing. Throws FileError if there is too much.
 */
export async function graphMembers(root: StoredDerivation): Promise<readonly GraphEntry[]> {
  const members = await collect(root)
  const entries = new Map<string, string>()
  for (const [path, { narHash }] of members) entries.set(path, narHash)
  for (const path of coveredSources(root.path.path, members)) entries.set(path, NO_HASH)
  return [...entries].map(([path, sha256]) => ({ path, sha256 }))
}

async function collect(root: StoredDerivation): Promise<ReadonlyMap<string, Member>> {
  const members = new Map<string, Member>()
  const seen = new Set([root.path.path])
  for await (const path of withTurns(seen, AT_ONCE)) {
    const stored = path === root.path.path ? root : readable(path)
    if (stored === undefined) continue
    const member = memberOf(stored)
    members.set(path, member)
    for (const input of member.inputs) seen.add(input)
    if (seen.size > GRAPH_LINE_LIMIT) {
      throw new FileError(`the build graph of ${printable(root.path.path)} is too large`)
    }
  }
  return members
}

function memberOf(stored: StoredDerivation): Member {
  const { derivation, narHash } = stored
  const declared = declaredIn(stored)
  const signatures = new Set(
    declared.signatures.flatMap(({ signature, checksums }) =>
      checksums === undefined ? [signature] : [signature, checksums],
    ),
  )
  const sources = derivation.inputSources.filter(
    path => !path.endsWith('.drv') && partNamed(declared, path) === undefined,
  )
  const [output] = derivation.outputs
  const fetches = output?.kind === 'fixed' && !isSaidToBeSignature(derivation)
  const inputs = derivation.inputDerivations.map(({ path }) => path)
  return { narHash, inputs, sources, signatures, ...(fetches && { fetched: output.path }) }
}

/**
 * The sources that the graph has otherwise than as signatures: there is a way to each, from the
 * root on, through derivations that do not name it as one.
 */
export function coveredSources(root: string, members: ReadonlyMap<string, Member>): readonly string[] {
  const usedBy = new Map<string, string[]>()
  const builtBy = new Map<string, string[]>()
  const add = (map: Map<string, string[]>, key: string, by: string) =>
    map.get(key)?.push(by) ?? map.set(key, [by])
  const called = new Set<string>()
  for (const [path, { inputs, sources, signatures, fetched }] of members) {
    for (const source of sources) add(usedBy, source, path)
    for (const input of inputs) add(builtBy, input, path)
    for (const signature of signatures) called.add(signature)
    if (fetched !== undefined) add(usedBy, fetched, path)
  }
  const reaches = (source: string): boolean => {
    const way = new Set(usedBy.get(source))
    for (const path of way) {
      if (members.get(path)?.signatures.has(source)) continue
      if (path === root) return true
      for (const above of builtBy.get(path) ?? []) way.add(above)
    }
    return false
  }
  return [...usedBy.keys()].filter(source => !called.has(source) || reaches(source))
}

/**
 * Reads a derivation; returns undefined if it cannot be read as one. Anybody can add derivations to
 * the store, so an unreadable one is ignored.
 */
export function readable(candidate: string): StoredDerivation | undefined {
  try {
    return readDerivation(candidate)
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return undefined
    throw error
  }
}
