/**
 * Repositories in which git may run: those that this program made, and views of others. A view is a
 * repository of our own into which the objects of another one are linked, so that nothing of the
 * other's configuration, hooks, attributes, alternates, grafts and replaced objects has an effect.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'
import { type Refs, readRefs, writePackedRefs } from './all-refs.ts'
import { assertDetectsCollisions } from './collisions.ts'
import { type Layout, layoutOf } from './layout.ts'
import { type LinkedObjects, linkObjects } from './link-objects.ts'
import { type GitObjects, openGitObjects } from './objects.ts'
import { type IdSize, idSizeOf, makeOwnRepository } from './own-repository.ts'
import { receiveFromView } from './receive.ts'
import { resolveCommit } from './resolve-commit.ts'

const HEAD_LIMIT = 4096
const SHALLOW_LIMIT = 16 * 1024 * 1024

/** An open repository. It has to be closed. */
export interface OpenRepository {
  /** A repository of our own, in which git may run. */
  readonly directory: string
  /** What is called so in messages, escaped. */
  readonly title: string
  /**
   * Its objects. Each matches its id; that two objects do not share an id is not examined, see
   * `examined`.
   */
  readonly objects: GitObjects
  readonly idSize: IdSize
  readonly refs: Refs
  /**
   * Of a clone whose history was cut off (`git clone --depth`): a file with the commits whose
   * parents are not here.
   */
  readonly shallowFile: string | undefined
  /** The ids of these commits; none of a whole clone. */
  readonly shallow: ReadonlySet<string>
  /**
   * The objects of a commit with its tree, among which git has found none that is part of a SHA-1
   * collision. Throws FileError.
   */
  examined(commit: string): Promise<GitObjects>
  /**
   * The id of the commit that a revision names (gitrevisions(7), without the reflog). Throws
   * FileError, also if it names several (resolve-commit.ts).
   */
  resolve(revision: string): Promise<string>
  close(): void
}

/**
 * Opens a bare repository that this program made, or into which git received everything itself.
 * Throws FileError.
 */
export function openOwnRepository(directory: string): OpenRepository {
  const refs = readRefs(directory)
  const objects = openGitObjects(directory)
  return {
    directory,
    title: printable(directory),
    objects,
    idSize: idSizeOf([...refs.values()][0]?.id ?? ''),
    refs,
    ...shallowOf(directory, directory),
    examined: async () => objects,
    resolve: revision => resolveCommit(directory, refs, revision),
    close: () => objects.close(),
  }
}

/**
 * Opens a view of somebody's repository: a bare one, or the top of a work tree. Throws FileError if
 * it is not one, or keeps its references in reftables.
 */
export function openRepository(place: string): OpenRepository {
  const layout = layoutOf(place)
  const refs = readRefs(layout.directory)
  const head = headOf(layout)
  const idSize = idSizeOf(OBJECT_ID.test(head) ? head : ([...refs.values()][0]?.id ?? ''))
  const directory = makeScratch('view')
  const [view, received] = [join(directory, 'view'), join(directory, 'received')]
  const opened: GitObjects[] = []
  let linked: LinkedObjects | undefined
  const close = () => {
    for (const each of opened) each.close()
    linked?.close()
    removeScratch(directory)
  }
  try {
    for (const each of [view, received]) makeOwnRepository(each, idSize)
    linked = linkObjects(layout.objects, join(view, 'objects'))
    writePackedRefs(view, refs)
    writeFileSync(join(view, 'HEAD'), `${head}\n`)
    const objects = openGitObjects(view)
    opened.push(objects)
    return {
      directory: view,
      title: printable(place),
      objects,
      idSize,
      refs,
      ...shallowOf(layout.directory, directory),
      examined: commit => examine({ view, received, layout }, commit, opened),
      resolve: revision => resolveCommit(view, refs, revision),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

interface Viewed {
  readonly view: string
  readonly received: string
  readonly layout: Layout
}

/** Has git copy a commit and its tree: it hashes every object on its way. */
async function examine(
  { view, received, layout }: Viewed,
  commit: string,
  opened: GitObjects[],
): Promise<GitObjects> {
  if (idSizeOf(commit) === 20) await assertDetectsCollisions(join(received, '..'))
  await receiveFromView(view, received, layout, { id: commit, type: 'commit' })
  const objects = openGitObjects(received)
  opened.push(objects)
  return objects
}

/** `ref: refs/heads/…`, or the id of a commit. Throws FileError. */
function headOf({ headDirectory }: Layout): string {
  const file = join(headDirectory, 'HEAD')
  const text = readRegularFile(file, HEAD_LIMIT)?.toString('utf8').trimEnd() ?? ''
  if (OBJECT_ID.test(text) || /^ref: refs\/heads\/[^\s\x00-\x1f]+$/.test(text)) return text
  throw new FileError(`${printable(file)} names neither a branch nor a commit`)
}

/** The commits at which a shallow history ends, and a list of them in `to`. Throws FileError. */
function shallowOf(from: string, to: string): Pick<OpenRepository, 'shallowFile' | 'shallow'> {
  const text = readRegularFile(join(from, 'shallow'), SHALLOW_LIMIT)?.toString('latin1')
  if (text === undefined) return { shallowFile: undefined, shallow: new Set() }
  const shallow = new Set(text.split('\n').filter(line => OBJECT_ID.test(line)))
  const shallowFile = join(to, 'shallow')
  if (from !== to) writeFileSync(shallowFile, [...shallow].map(id => `${id}\n`).join(''))
  return { shallowFile, shallow }
}
