/**
 * What a repository has of one revision, taken into a repository of our own. Every object is hashed by git on its way
 * in, and git refuses what is part of a SHA-1 collision. No git is ever run in the other repository: its packs and
 * objects are looked at through links from an empty one, so that its configuration, hooks, attributes, alternates,
 * promised objects and grafts mean nothing.
 */
import { lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { parseGitTag } from '../formats/git-object.ts'
import { printable } from '../primitives/printable.ts'
import type { Layout } from './layout.ts'
import { openGitObjects } from './objects.ts'
import { idSizeOf, makeOwnRepository } from './own-repository.ts'
import { endOf, runGit, startGit } from './run-git.ts'

/** Ways to fetch; git knows others that run programs, and `file`, for which it would run itself in there. */
const PROTOCOLS = ['https', 'http', 'ssh', 'git']

/** Whether a place is a URL that can be fetched from. */
export function isFetchable(place: string): boolean {
  return PROTOCOLS.some(protocol => place.startsWith(`${protocol}://`))
}

/**
 * Takes a tag or a commit, its files and nothing of its history from a repository of this machine into a new one in
 * `directory`. Throws FileError where any of it is not there or cannot be read.
 */
export async function receiveLocal(
  directory: string,
  { objects, directory: from }: Layout,
  object: { readonly id: string; readonly type: 'tag' | 'commit' | 'tree' },
): Promise<string> {
  const [view, received] = [join(directory, 'view'), join(directory, 'received')]
  for (const each of [view, received]) makeOwnRepository(each, idSizeOf(object.id))
  linkObjects(objects, join(view, 'objects'))
  const wanted = await wantedOf(view, object)
  const pack = startGit({ directory: view }, ['pack-objects', '--revs', '--stdout', '-q', '--window=0'])
  const index = startGit({ directory: received }, ['index-pack', '--stdin'])
  const ends = Promise.all([endOf(pack), endOf(index)])
  pack.stdout.pipe(index.stdin)
  index.stdout.resume()
  pack.stdin.end(wanted)
  const failed = (await ends).find(({ status }) => status !== 0)
  if (failed === undefined) return received
  const elsewhere = lstatSync(join(objects, 'info/alternates'), { throwIfNoEntry: false })
  const advice = elsewhere
    ? ' (it has some elsewhere, by objects/info/alternates: git repack -a -d takes them in)'
    : ''
  throw new FileError(`cannot read ${printable(from)}: ${printable(failed.complaint, 300)}${advice}`)
}

/** Fetches a tag or a commit without its history into a new repository in `directory`. Throws FileError. */
export async function receiveFrom(
  directory: string,
  url: string,
  object: { readonly ref: string; readonly idSize: 20 | 32 },
): Promise<string> {
  const received = join(directory, 'received')
  makeOwnRepository(received, object.idSize)
  const allowed = ['protocol.allow=never', ...PROTOCOLS.map(protocol => `protocol.${protocol}.allow=always`)]
  const settings = [...allowed, 'fetch.unpackLimit=1'].flatMap(setting => ['-c', setting])
  // Whose keys ssh uses is the caller's business.
  const { HOME, SSH_AUTH_SOCK } = process.env
  const env = { ...(HOME && { HOME }), ...(SSH_AUTH_SOCK && { SSH_AUTH_SOCK }) }
  const options = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-gc', '--depth=1']
  const args = [...settings, 'fetch', ...options, '--end-of-options', url, object.ref]
  const { status, complaint } = await runGit({ directory: received, env }, args)
  if (status === 0) return received
  throw new FileError(`cannot fetch from ${printable(url)}: ${printable(complaint, 300)}`)
}

/** Single objects and packs that are linked: git packs the former before they are many. */
const LINK_LIMIT = 200_000

/**
 * Packs with their indexes, and single objects: nothing else of what lies there. Throws FileError for one that is not a
 * plain file, of which git might wait for the end for ever.
 */
function linkObjects(from: string, to: string): void {
  let links = 0
  const link = (directory: string, form: RegExp) => {
    const names = namesIn(join(from, directory)).filter(name => form.test(name))
    links += names.length
    if (links > LINK_LIMIT) throw new FileError(`more than ${LINK_LIMIT} files in ${printable(from)}`)
    mkdirSync(join(to, directory), { recursive: true })
    for (const name of names) {
      const file = join(from, directory, name)
      // A link to a file counts as what it leads to; one that leads nowhere is for git to miss.
      if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) {
        throw new FileError(`not a regular file: ${printable(file)}`)
      }
      symlinkSync(file, join(to, directory, name))
    }
  }
  for (const name of namesIn(from).filter(each => /^[0-9a-f]{2}$/.test(each))) {
    link(name, /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/)
  }
  link('pack', /^pack-[0-9a-f]{40,64}\.(?:pack|idx)$/)
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new FileError(`cannot read ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}

/** What pack-objects is asked for. A commit is asked for as if it had no parents. */
async function wantedOf(
  view: string,
  { id, type }: { readonly id: string; readonly type: 'tag' | 'commit' | 'tree' },
): Promise<string> {
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
