/** The build graph of derivations that were just instantiated, as an approver signs it. */
import { setImmediate as turn } from 'node:timers/promises'
import { readRegularFile } from '../../files/regular-file.ts'
import { GRAPH_LINE_LIMIT, type GraphEntry } from '../../formats/nix/build-graph.ts'
import { DERIVATION_LIMIT } from '../../formats/nix/derivation.ts'
import { narOfBytes } from '../../formats/nix/nar.ts'
import { isDerivationPath, parseStorePath } from '../../formats/nix/store-path.ts'
import { parseStoredDerivation } from '../../formats/nix/stored-derivation.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { Store } from '../../store/store-client.ts'
import { knownFromStore } from '../../verifier/identify.ts'
import { ExpressionError } from '../expression-error.ts'

/** How many derivations are read before other work gets its turn. */
const TURN = 64

/** A whole build graph. */
export interface BuildGraph {
  readonly entries: readonly GraphEntry[]
  /** The roots, with the NAR hashes of their .drv files. */
  readonly roots: readonly { readonly name: string; readonly narHash: string }[]
}

/**
 * Collects everything that derivations are built from: all derivations, and all sources with what
 * they refer to. Rejects with ExpressionError if a source is not named by its contents, because an
 * expression that only names such a path does not say what is in it.
 */
export async function collectGraph(store: Store, roots: readonly string[]): Promise<BuildGraph> {
  const entries: GraphEntry[] = []
  const seen = new Set(roots)
  const narHashes = new Map<string, string>()
  let read = 0
  for (const path of seen) {
    if (seen.size > GRAPH_LINE_LIMIT) throw new ExpressionError('evaluation', 'the build graph is too large')
    const parsed = parseStorePath(path)
    if (isDerivationPath(parsed)) {
      const bytes = readRegularFile(path, DERIVATION_LIMIT)
      if (bytes === undefined)
        throw new ExpressionError('evaluation', `${printable(path)} is not in the store`)
      const { inputDerivations, inputSources } = parseStoredDerivation(parsed, bytes)
      for (const input of inputDerivations) seen.add(input.path)
      for (const source of inputSources) seen.add(source)
      entries.push({ path, sha256: toHex(sha256(bytes)) })
      if (roots.includes(path)) narHashes.set(path, toHex(sha256(narOfBytes(bytes, false))))
      if (++read % TURN === 0) await turn()
    } else {
      const { narHash, references } = await sourceInfo(store, path)
      for (const reference of references) seen.add(reference)
      entries.push({ path, sha256: narHash })
    }
  }
  return { entries, roots: roots.map(name => ({ name, narHash: narHashes.get(name) ?? '' })) }
}

async function sourceInfo(store: Store, path: string) {
  const info = await store.pathInfo(path)
  if (info === undefined) throw new ExpressionError('evaluation', `${printable(path)} is not in the store`)
  if (knownFromStore(info).contentAddress !== undefined) return info
  throw new ExpressionError(
    'unnamed-source',
    `${printable(path)} is used as a source and is not named by its contents, so the expressions do not say what is in it`,
  )
}
