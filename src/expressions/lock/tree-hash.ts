/**
 * Whether the files of a signed tree have the NAR hash that a lock names. What Nix hashes depends
 * on its version and on the kind of input:
 *
 *     2.20 and later, git     the tree as it is; with exportIgnore, without what export-ignore names
 *     up to 2.19, git         `git archive`: export-ignore, ends of lines and export-subst apply
 *     github:, archives       an archive that a server made in the same way
 *
 * What export-subst writes depends on the state of a repository, so it is never tried.
 */
import type { GitObjects } from '../../git/objects.ts'
import type { Checkout } from '../../git/tree.ts'
import { narHashOfGitTree } from '../../git/tree-nar.ts'
import { attributesOf, type TreeAttributes, withCrlf } from './attributes.ts'

/** How the files of the lock come from the tree. */
export type CheckoutKind = 'raw' | 'export-ignore' | 'eol' | 'export-ignore and eol'

/** What a tree has been held against. */
export interface TreeQuestion {
  /** A repository of our own that has the tree. */
  readonly directory: string
  readonly objects: GitObjects
  readonly tree: string
  readonly submodules: NonNullable<Checkout['submodules']>
}

/** The result of a comparison. Hashes are lower-case hex. */
export type TreeMatch =
  | { readonly matches: CheckoutKind; readonly raw: string }
  | { readonly matches: undefined; readonly raw: string; readonly isSubstituted: boolean }

/**
 * Holds a tree against a NAR hash: as it is first, and then as attributes change it. `raw`: the
 * hash of the tree as it is, if that is known. Throws FileError and FormatError.
 */
export async function compareTree(question: TreeQuestion, narHash: string, raw?: string): Promise<TreeMatch> {
  const asItIs = raw ?? (await hashOf(question, {}))
  if (asItIs === narHash) return { matches: 'raw', raw: asItIs }
  const attributes = await attributesOf(question.directory, question.tree)
  for (const [kind, checkout] of waysOf(attributes)) {
    if ((await hashOf(question, checkout)) === narHash) return { matches: kind, raw: asItIs }
  }
  return { matches: undefined, raw: asItIs, isSubstituted: attributes.substituted.size > 0 }
}

/** The NAR hash of what `git archive` would have in it. Undefined if export-subst changes it. */
export async function archivedHash(question: TreeQuestion): Promise<string | undefined> {
  const attributes = await attributesOf(question.directory, question.tree)
  if (attributes.substituted.size > 0) return undefined
  return hashOf(question, { ...ignoring(attributes), prunes: true, ...converting(attributes) })
}

function hashOf({ objects, tree, submodules }: TreeQuestion, checkout: Checkout): Promise<string> {
  return narHashOfGitTree(objects, tree, { ...checkout, submodules })
}

/** Every way that can differ from those before it. */
function* waysOf(attributes: TreeAttributes): Generator<readonly [CheckoutKind, Checkout]> {
  const hasIgnored = attributes.ignored.size > 0
  const hasCrlf = attributes.crlf.size > 0
  if (hasIgnored) {
    // An archive has no directory without files. Nix itself leaves such a directory empty.
    yield ['export-ignore', { ...ignoring(attributes), prunes: true }]
    yield ['export-ignore', ignoring(attributes)]
  }
  if (hasCrlf) yield ['eol', converting(attributes)]
  if (hasIgnored && hasCrlf) {
    yield ['export-ignore and eol', { ...ignoring(attributes), prunes: true, ...converting(attributes) }]
  }
}

function ignoring({ ignored }: TreeAttributes): Checkout {
  return { leavesOut: (path, isDirectory) => ignored.has(isDirectory ? `${path}/` : path) }
}

function converting({ crlf }: TreeAttributes): Checkout {
  if (crlf.size === 0) return {}
  const convert = (path: string, contents: Uint8Array) => {
    const how = crlf.get(path)
    return how === undefined ? contents : withCrlf(contents, how)
  }
  return { convert }
}
