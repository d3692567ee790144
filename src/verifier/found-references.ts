/** Draws conclusions from the hash parts that occur in a path's contents. Pure. */
import type { Found, Wanted } from '../formats/nix/hash-parts.ts'
import { parseStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { pathWord } from '../policy/words.ts'
import type { Candidates } from './candidates.ts'

/** The references that binary caches state for a path, and what it could refer to. */
export interface StatedReferences {
  readonly path: string
  /** Full store paths, sorted, without duplicates. */
  readonly references: readonly string[]
  /** Everything that it could refer to; undefined if its derivation does not tell. */
  readonly candidates: Candidates | undefined
}

/** Whether the stated references are those of the contents. */
export type Conclusion =
  | { readonly kind: 'right' }
  /** Full store paths. */
  | { readonly kind: 'wrong'; readonly added: readonly string[]; readonly missing: readonly string[] }
  /** Why it cannot be decided; escaped for printing. */
  | { readonly kind: 'open'; readonly detail: string }

/** Returns what to look for in the contents, for concludeFrom. */
export function wantedFor({ path, references, candidates }: StatedReferences): Wanted {
  if (candidates !== undefined) return { names: candidates.names, others: false }
  const known = [path, ...references].map(parseStorePath)
  return { names: new Map(known.map(({ digest, name }) => [digest, name])), others: true }
}

/** Returns the references that the path cannot have, whatever its contents are. */
export function impossible({ references, candidates }: StatedReferences): readonly string[] {
  if (candidates === undefined) return []
  return references.filter(reference => {
    const { digest, name } = parseStorePath(reference)
    return candidates.names.get(digest) !== name
  })
}

/** Draws the conclusion from what a search for `wantedFor` found. */
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
