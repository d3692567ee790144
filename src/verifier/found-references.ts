/** What follows from the hash parts that stand in a path's contents. Pure. */
import type { Found, Wanted } from '../formats/nix/hash-parts.ts'
import { parseStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { pathWord } from '../policy/words.ts'
import type { Candidates } from './candidates.ts'

/** What binary caches say of a path, and what it could refer to. */
export interface StatedReferences {
  readonly path: string
  /** Full store paths, sorted, none twice. */
  readonly references: readonly string[]
  /** All that it could refer to; undefined where its derivation does not tell. */
  readonly candidates: Candidates | undefined
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
  if (candidates !== undefined) return { names: candidates.names, others: false }
  const known = [path, ...references].map(parseStorePath)
  return { names: new Map(known.map(({ digest, name }) => [digest, name])), others: true }
}

/** The references that the path cannot have, whatever its contents are. */
export function impossible({ references, candidates }: StatedReferences): readonly string[] {
  if (candidates === undefined) return []
  return references.filter(reference => {
    const { digest, name } = parseStorePath(reference)
    return candidates.names.get(digest) !== name
  })
}

/** Concludes from what was found of `wantedFor`. */
export function concludeFrom(found: Found, stated: StatedReferences): Conclusion {
  const { path, references, candidates } = stated
  const { names } = wantedFor(stated)
  const claimed = new Set(references.map(reference => parseStorePath(reference).digest))
  const added = references.filter(reference => !found.seen.has(parseStorePath(reference).digest))
  const unstated = [...found.seen].filter(digest => !claimed.has(digest))
  const pathOf = (digest: string) => `${STORE_DIR}/${digest}-${names.get(digest)}`
  const isCertain = (digest: string) => candidates === undefined || candidates.certain.has(digest)
  const missing = unstated.filter(isCertain).map(pathOf).sort()
  if (added.length > 0 || missing.length > 0) return { kind: 'wrong', added, missing }
  const [doubtful] = unstated.map(pathOf).sort()
  if (doubtful !== undefined) {
    const whether = 'whether it refers to that, only what its inputs refer to tells, which is not known here'
    return { kind: 'open', detail: `they name ${pathWord(doubtful)}; ${whether}` }
  }
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
