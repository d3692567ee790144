/**
 * Copies one revision of a repository into a repository of our own. Git hashes every object on its
 * way in and refuses data that is part of a SHA-1 collision. Git never runs in the other
 * repository: its packs and objects are read through links from an empty one, so its configuration,
 * hooks, attributes, alternates, promised objects and grafts have no effect.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { parseGitTag } from '../formats/git-object.ts'
import { printable } from '../primitives/printable.ts'
import { copyPack } from './copy-pack.ts'
import type { Layout } from './layout.ts'
import { linkObjects } from './link-objects.ts'
import { openGitObjects } from './objects.ts'
import { type IdSize, idSizeOf, makeOwnRepository } from './own-repository.ts'
import { PROTOCOLS, runRemote } from './remote-git.ts'

/** Whether a place is a URL that can be fetched from. */
export function isFetchable(place: string): boolean {
  return PROTOCOLS.some(protocol => place.startsWith(`${protocol}://`))
}

/**
 * Copies a tag or a commit with its files, without its history, from a local repository into a new
 * one in `directory`. Returns the new repository's directory. Throws FileError if anything is
 * missing or cannot be read.
 */
export async function receiveLocal(directory: string, layout: Layout, object: WantedObject): Promise<string> {
  const [view, received] = [join(directory, 'view'), join(directory, 'received')]
  for (const each of [view, received]) makeOwnRepository(each, idSizeOf(object.id))
  const linked = linkObjects(layout.objects, join(view, 'objects'))
  try {
    await receiveFromView(view, received, layout, object)
  } finally {
    linked.close()
  }
  return received
}

/** An object to copy: a tag or a commit with its files, without its history, or a tree. */
export interface WantedObject {
  readonly id: string
  readonly type: 'tag' | 'commit' | 'tree'
}

/**
 * Copies an object from a view, a repository of our own into which the objects of another one are
 * linked (link-objects.ts), into `received`, also our own. Throws FileError if anything is missing
 * or cannot be read, and for data that is part of a SHA-1 collision.
 */
export async function receiveFromView(
  view: string,
  received: string,
  { objects, directory: from }: Layout,
  object: WantedObject,
): Promise<void> {
  const wanted = await wantedOf(view, object)
  const complaint = await copyPack({ from: view, to: received }, ['--revs', '--window=0'], wanted)
  if (complaint === undefined) return
  const advice = isElsewhere(objects) ? ` (${ELSEWHERE})` : ''
  throw new FileError(`cannot read ${printable(from)}: ${printable(complaint, 300)}${advice}`)
}

/** Whether a repository has objects in another place, where they are not looked for. */
export function isElsewhere(objects: string): boolean {
  return lstatSync(join(objects, 'info/alternates'), { throwIfNoEntry: false }) !== undefined
}

/** What to do about objects in another place. */
export const ELSEWHERE = 'it has some elsewhere, by objects/info/alternates: git repack -a -d takes them in'

/**
 * Fetches a tag or a commit without its history into a new repository in `directory`, and returns
 * that repository's directory. Throws FileError.
 */
export async function receiveFrom(
  directory: string,
  url: string,
  object: { readonly ref: string; readonly idSize: IdSize },
): Promise<string> {
  const received = join(directory, 'received')
  makeOwnRepository(received, object.idSize)
  await fetchInto(received, url, [object.ref])
  return received
}

/**
 * Fetches objects by refspecs into a repository of our own, with at most `depth` commits of their
 * history, or all of it. Throws FileError.
 */
export async function fetchInto(
  directory: string,
  url: string,
  refspecs: readonly string[],
  depth: number | 'all' = 1,
): Promise<void> {
  await fetchWith(directory, url, refspecs, depth === 'all' ? [] : [`--depth=${depth}`])
}

/**
 * Fetches the last `depth` commits by refspecs, without their files where the server can leave these
 * out, into a repository that is for commits alone. Throws FileError.
 */
export async function fetchCommitsInto(
  directory: string,
  url: string,
  refspecs: readonly string[],
  depth: number,
): Promise<void> {
  await fetchWith(directory, url, refspecs, [`--depth=${depth}`, '--filter=tree:0'])
}

/** Fetches notes, with all that is in them, into a repository that is for commits. Throws FileError. */
export async function fetchNotesInto(
  directory: string,
  url: string,
  refspecs: readonly string[],
): Promise<void> {
  await fetchWith(directory, url, refspecs, ['--depth=1', '--no-filter'])
}

async function fetchWith(
  directory: string,
  url: string,
  refspecs: readonly string[],
  how: readonly string[],
): Promise<void> {
  const options = ['--progress', '--no-tags', '--no-recurse-submodules', '--no-auto-gc', ...how]
  const args = ['fetch', ...options, '--end-of-options', url, ...refspecs]
  const { status, complaint } = await runRemote({ directory, url, args })
  if (status === 0) return
  throw new FileError(`cannot fetch from ${printable(url)}: ${printable(complaint, 300)}`)
}

/** References that a server lists, with `^{}` after the names of tags for what they lead to. */
export async function listRemote(
  directory: string,
  url: string,
  patterns: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const args = ['ls-remote', '--quiet', '--end-of-options', url, ...patterns]
  const { status, complaint, output } = await runRemote({ directory, url, args })
  if (status !== 0) throw new FileError(`cannot ask ${printable(url)}: ${printable(complaint, 300)}`)
  const lines = output.toString('utf8').split('\n')
  return new Map(lines.map(line => line.split('\t')).map(([id = '', name = '']) => [name, id]))
}

/** What pack-objects is asked for. A commit is treated as if it had no parents. */
async function wantedOf(view: string, { id, type }: WantedObject): Promise<string> {
  if (type === 'tree') return `${id}\n`
  if (type === 'commit') return `--shallow ${id}\n${id}\n`
  const objects = openGitObjects(view)
  try {
    const { commit } = parseGitTag(await objects.read(id, 'tag'))
    return `--shallow ${commit}\n${id}\n`
  } finally {
    objects.close()
  }
}
