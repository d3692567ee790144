/**
 * The submodules of a tree. The commit of each stands in the signed tree around it, so that who
 * signed that vouches for them too; their own signatures are not asked for.
 */
import { FileError } from '../../files/regular-file.ts'
import { canonicalUrl, fetchUrl } from '../../formats/locks/input-url.ts'
import { gitOutput } from '../../git/git-output.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import { entriesIn } from '../../git/read-tree.ts'
import type { Submodule } from '../../git/tree.ts'
import { printable } from '../../primitives/printable.ts'
import { examinedCommit } from '../examined-commit.ts'
import type { Repositories } from './repositories.ts'

const DEPTH_LIMIT = 8

/** A tree whose submodules are looked for. */
interface Around {
  readonly url: string
  /** What it is fetched from. */
  readonly from: string
  readonly repository: OpenRepository
  readonly tree: string
  readonly prefix: string
}

/** Finds the tree of each submodule, and of theirs. */
export function submodulesOf(
  repositories: Repositories,
  around: Omit<Around, 'prefix'>,
): (path: string, commit: string) => Promise<Submodule> {
  const known: Around[] = [{ ...around, prefix: '' }]
  return async (path, commit) => {
    // The innermost one: submodules are met after what is around them.
    const place = known.filter(({ prefix }) => path.startsWith(prefix)).at(-1)
    if (place === undefined || known.length > 1000) throw new FileError('git: too many submodules')
    if (path.split('/').length > 1000 || depthOf(known, path) > DEPTH_LIMIT) {
      throw new FileError(`git: submodules more than ${DEPTH_LIMIT} deep`)
    }
    const inside = path.slice(place.prefix.length)
    const { url, from } = await urlOf(place, inside)
    const repository = await repositories.holding(url, from, commit)
    const { objects, tree } = await examinedCommit(repository, commit)
    known.push({ url, from, repository, tree, prefix: `${path}/` })
    return { objects, tree }
  }
}

function depthOf(known: readonly Around[], path: string): number {
  return known.filter(({ prefix }) => path.startsWith(prefix)).length
}

/** The canonical URL that .gitmodules gives for the submodule at a path, and what to fetch from. */
async function urlOf(
  { repository, tree, url, from }: Around,
  path: string,
): Promise<{ readonly url: string; readonly from: string }> {
  const root = await entriesIn(repository.objects, tree)
  const file = root.find(({ name, kind }) => name === '.gitmodules' && kind === 'file')
  if (file === undefined) throw new FileError(`no .gitmodules says where ${printable(path)} comes from`)
  await repository.objects.read(file.id, 'blob')
  const args = ['config', '--blob', file.id, '-z', '--get-regexp', String.raw`^submodule\..*\.(path|url)$`]
  const { status, output } = await gitOutput({ directory: repository.directory }, args)
  if (status !== 0) throw new FileError('.gitmodules cannot be read')
  const values = new Map<string, string>()
  for (const line of output.toString('latin1').split('\0')) {
    const at = line.indexOf('\n')
    if (at < 0) continue
    if (values.has(line.slice(0, at))) throw new FileError('.gitmodules: a field is repeated')
    values.set(line.slice(0, at), line.slice(at + 1))
  }
  const name = [...values].find(([key, value]) => key.endsWith('.path') && value === path)?.[0]
  const found = name && values.get(name.replace(/\.path$/, '.url'))
  if (!found) throw new FileError(`.gitmodules does not say where ${printable(path)} comes from`)
  const isRelative = /^\.\.?\//.test(found)
  const canonical = canonicalUrl(isRelative ? relativeTo(url, found) : found, 'git')
  return { url: canonical, from: fetchUrl(isRelative ? relativeTo(from, found) : found, canonical) }
}

/** Each `../` goes up from the repository around, `./` stays in it (git-submodule(1)). */
function relativeTo(url: string, relative: string): string {
  let [base, rest] = [url, relative]
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2)
    else if (rest.startsWith('../') && /[^/:]\/[^/]+$/.test(base)) {
      rest = rest.slice(3)
      base = base.replace(/\/[^/]+$/, '')
    } else return `${base}/${rest}`
  }
}
