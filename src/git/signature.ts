import { FileError } from '../files/regular-file.ts'
import { type GitCommit, parseGitCommit, parseGitTag, type SignedText } from '../formats/git-object.ts'
import { printable } from '../primitives/printable.ts'
import type { GitObjects } from './objects.ts'

/** What a developer signed in a repository: a tag, by its name, or a commit, by its full id. */
export type GitRevision = { readonly tag: string } | { readonly commit: string }

/** A signed revision. Its objects match their ids; its signature is not verified yet. */
export interface SignedRevision {
  /** A description such as `tag v1.0 of commit …`. */
  readonly title: string
  readonly commit: string
  readonly tree: string
  readonly signed: SignedText
}

/**
 * Reads the signed tag or commit with this id. A tag object must name the tag that was asked for:
 * whoever serves a repository can give an old tag a new name. Throws FileError if the revision is
 * absent or not signed, and FormatError if it is malformed.
 */
export async function readSignedRevision(
  objects: GitObjects,
  revision: GitRevision,
  id: string,
): Promise<SignedRevision> {
  if ('commit' in revision) {
    const { tree, signed } = await readCommit(objects, id)
    const title = `commit ${revision.commit}`
    return { title, commit: revision.commit, tree, signed: mustBeSigned(signed, title) }
  }
  const { tag } = revision
  const parsed = parseGitTag(await objects.read(id, 'tag'))
  if (parsed.name !== Buffer.from(tag, 'utf8').toString('latin1')) {
    throw new FileError(
      `the tag that the repository calls ${printable(tag)} was signed as ${printable(parsed.name)}`,
    )
  }
  const { tree } = await readCommit(objects, parsed.commit)
  const title = `tag ${tag} of commit ${parsed.commit}`
  return { title, commit: parsed.commit, tree, signed: mustBeSigned(parsed.signed, title) }
}

async function readCommit(objects: GitObjects, id: string): Promise<GitCommit> {
  return parseGitCommit(await objects.read(id, 'commit'))
}

function mustBeSigned(signed: SignedText | undefined, title: string): SignedText {
  if (signed === undefined) throw new FileError(`${printable(title)} is not signed`)
  return signed
}
