/** What follows from the hash parts that stand in a path's contents. Pure. */
import type { Found, Wanted } from '../formats/nix/hash-parts.ts'
import { parseStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { pathWord } from '../policy/words.ts'

/** What binary caches say of a path, and what it could refer to. */
export interface StatedReferences {
  readonly path: string
  /** Full store paths, sorted, none twice. */
  readonly references: readonly string[]
  /** All that it could refer to, the hash part of each with its name; undefined where its derivation does not tell. */
  readonly candidates: ReadonlyMap<string, string> | undefined
}

/** Whether the stated references are those of the contents. */
export type Conclusion =
  | { readonly kind: 'right' }
  /** Full store paths. */
  | { readonly kind: 'wrong'; readonly added: readonly string[]; readonly missing: readonly string[] }
  /** Why that cannot be told; escaped. */
  | { readonly kind: 'open'; readonly detail: string }

/** What to look for in the contents, to conclude from. */
export function wantedFor({ path, references, candidates }: StatedReferences): Wanted {
  if (candidates !== undefined) return { names: candidates, others: false }
  const known = [path, ...references].map(parseStorePath)
  return { names: new Map(known.map(({ digest, name }) => [digest, name])), others: true }
}

/** The references that the path cannot have, whatever its contents are. */
export function impossible({ references, candidates }: StatedReferences): readonly string[] {
  if (candidates === undefined) return []
  return references.filter(reference => {
    const { digest, name } = parseStorePath(reference)
    return candidates.get(digest) !== name
  })
}

/** Concludes from what was found of `wantedFor`. */
export function concludeFrom(found: Found, stated: StatedReferences): Conclusion {
  const { path, references, candidates } = stated
  const { names } = wantedFor(stated)
  const claimed = new Set(references.map(reference => parseStorePath(reference).digest))
  const added = references.filter(reference => !found.seen.has(parseStorePath(reference).digest))
  const missing = [...found.seen]
    .filter(digest => !claimed.has(digest))
    .map(digest => `${STORE_DIR}/${digest}-${names.get(digest)}`)
    .sort()
  if (added.length > 0 || missing.length > 0) return { kind: 'wrong', added, missing }
  if (candidates !== undefined) return { kind: 'right' }
  if (found.other !== undefined) {
    const name = pathWord(`${STORE_DIR}/${found.other}`)
    const detail = `they name ${name}; whether it refers to that, only its derivation tells, which is not whole in this store`
    return { kind: 'open', detail }
  }
  const nameless = references.find(reference => {
    return reference !== path && !found.named.has(parseStorePath(reference).digest)
  })
  if (nameless === undefined) return { kind: 'right' }
  return { kind: 'open', detail: `they do not name ${pathWord(nameless)} in full` }
}
