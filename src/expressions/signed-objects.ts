/** What git itself lets people sign: the commit, and annotated tags on it. */
import { type GitCommit, type GitTag, parseGitTag } from '../formats/git-object.ts'
import { refsBelow } from '../git/all-refs.ts'
import { sizesOfType } from '../git/object-sizes.ts'
import { FormatError } from '../primitives/format-error.ts'
import { bareSignature } from './bare-signature.ts'
import { type Found, type Search, strayOnly } from './revision.ts'

const TAGS = 'refs/tags/'

/** Bytes of one tag. */
const TAG_LIMIT = 1024 * 1024

/** The commit's own signature. */
export async function* ownSignature(search: Search, { signed }: GitCommit): AsyncGenerator<Found> {
  if (signed !== undefined)
    yield bareSignature(search, signed, { way: 'commit', origin: 'the commit itself' })
}

/**
 * The signatures of annotated tags on exactly this commit. One that is called otherwise than it was
 * signed does not count: whoever serves a repository can give a tag another name.
 */
export async function* tagSignatures(search: Search): AsyncGenerator<Found> {
  for (const [name, tag] of await tagsOn(search)) {
    const origin = `tag ${name}`
    if ('problem' in tag) yield strayOnly('unreadable', origin, tag.problem)
    else if (tag.signed !== undefined && tag.name === Buffer.from(name, 'utf8').toString('latin1')) {
      yield bareSignature(search, tag.signed, { way: 'tag', origin })
    } else if (tag.signed !== undefined) {
      yield strayOnly('other-subject', origin, `signed as the tag ${tag.name}`)
    }
  }
}

/** A tag on the commit, or why it cannot be read. */
type FoundTag = GitTag | { readonly problem: string }

/** Annotated tags on exactly this commit, by their names. */
async function tagsOn({ repository, revision }: Search): Promise<ReadonlyMap<string, FoundTag>> {
  const { directory, objects, refs } = repository
  // What `packed-refs` says that a tag leads to can only leave one out: the others are read.
  const likely = [...refsBelow(refs, TAGS)].filter(
    ([, { peeled }]) => peeled === undefined || peeled === revision.commit,
  )
  const ids = likely.map(([, { id }]) => id)
  const sizes = await sizesOfType(directory, 'tag', ids)
  const found = new Map<string, FoundTag>()
  for (const [ref, { id }] of likely) {
    const size = sizes.get(id)
    if (size === undefined || size > TAG_LIMIT) continue
    const bytes = await objects.read(id, 'tag')
    if (isOf(bytes, revision.commit)) found.set(ref.slice(TAGS.length), readTag(bytes))
  }
  return found
}

function isOf(tag: Uint8Array, commit: string): boolean {
  const begin = `object ${commit}\n`
  return Buffer.from(tag.subarray(0, begin.length)).toString('latin1') === begin
}

function readTag(bytes: Uint8Array): FoundTag {
  try {
    return parseGitTag(bytes)
  } catch (error) {
    if (error instanceof FormatError) return { problem: error.message }
    throw error
  }
}
