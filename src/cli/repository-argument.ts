/** Arguments and options of the commands about commits of a repository. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { canonicalUrl, FORGE_HOSTS, forgeUrl } from '../formats/locks/input-url.ts'
import { isRepository, topOf } from '../git/layout.ts'
import { type OpenRepository, openRepository } from '../git/open-repository.ts'
import { isWrittenAsDirectory } from '../git/written-place.ts'
import { listNameOf } from '../policy/lists/names.ts'
import { type Demand, type Policy, type Requirement, ROLES } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import type { Options } from './command.ts'
import { saying } from './option-value.ts'
import { readPolicy } from './policy-argument.ts'
import { UsageError } from './usage-error.ts'

export const REPOSITORY_ARGUMENTS = {
  revisions: {
    count: 'any number',
    text: 'A repository, by its directory with a slash in front or behind (by default the one here), and a commit of it (by default HEAD)',
  },
} as const

export const REQUIREMENT_OPTIONS = {
  url: {
    kind: 'value',
    value: 'URL',
    text: 'The URL by which [[inputs]] of the policy names the repository (by default file:// and its directory)',
  },
  require: {
    kind: 'values',
    value: 'WHO',
    text: "Who must have signed, in place of the policy's rule: a principal or a group, or ROLE:WHO",
  },
} as const satisfies Options

/** A repository by its directory, and revisions in it, as they were given. */
export interface RepositoryArguments {
  readonly place: string
  readonly revisions: readonly string[]
}

/**
 * Reads `[REPOSITORY] [REVISION]…`: a first argument that is written as a directory is the
 * repository. Without one it is that of the working directory. Throws UsageError.
 */
export function repositoryArguments(words: readonly string[], limit: number): RepositoryArguments {
  const [first, ...rest] = words
  const isPlace = first !== undefined && isWrittenAsDirectory(first)
  const place = repositoryPlace(isPlace ? first : undefined, isPlace ? undefined : first)
  const revisions = isPlace ? rest : words
  const extra = revisions[limit]
  if (extra === undefined) return { place, revisions }
  const most = limit === 0 ? 'a repository, by its directory' : `a repository and ${limit} of its commits`
  throw new UsageError(`${printable(extra, 60)}: at most ${most}`)
}

/**
 * The repository in a directory, in whatever way that is written; without one, that of the working
 * directory. `word`: what was taken for a commit of it. Throws UsageError.
 */
export function repositoryPlace(directory: string | undefined, word?: string): string {
  if (directory === undefined) return repositoryAround(process.cwd(), word)
  if (isDirectory(directory)) return repositoryAt(resolve(directory))
  throw new UsageError(`there is no directory ${printable(directory, 200)}`)
}

/**
 * The canonical URL of a repository: that of `--url`, in any of the forms in which a lock names
 * repositories, or of its directory. It is never taken from the repository's own configuration.
 * Throws UsageError.
 */
export function urlOf(place: string, url: string | undefined): string {
  if (url === undefined) return pathToFileURL(place).href
  const [, forge = '', owner = '', repo = ''] = /^(\w+):([^/]+)\/([^/]+)$/.exec(url) ?? []
  const host = Object.hasOwn(FORGE_HOSTS, forge) ? FORGE_HOSTS[forge] : undefined
  return saying('--url', () => (host === undefined ? canonicalUrl(url, 'git') : forgeUrl(host, owner, repo)))
}

/** The policy, with the requirement of `--require` for all commits if that was given. */
function requiring(policy: Policy, texts: readonly string[]): Policy {
  const [first, ...rest] = texts.map(text => demandOf(policy, text))
  if (first === undefined) return policy
  const require: Requirement = { kind: 'all', demands: [first, ...rest] }
  return { ...policy, inputs: [{ title: '--require', line: 0, url: '*', require, acceptUnlocked: false }] }
}

/** What is asked about the commits of a repository, as the command line says it. */
export interface Asked {
  readonly place: string
  readonly url: string | undefined
  readonly require: readonly string[]
  readonly policyFile: string
}

/** An open repository, the URL by which the policy knows it, and that policy. */
export interface Judged {
  readonly repository: OpenRepository
  readonly url: string
  readonly policy: Policy
}

/** Calls `use` with what judging commits of a repository needs, and closes the repository. */
export async function judging<T>(
  { place, url, require, policyFile }: Asked,
  use: (judged: Judged) => Promise<T>,
): Promise<T> {
  const policy = requiring(readPolicy(policyFile, true), require)
  const repository = openRepository(place)
  try {
    return await use({ repository, url: urlOf(place, url), policy })
  } finally {
    repository.close()
  }
}

function demandOf(policy: Policy, text: string): Demand {
  const role = ROLES.expression.find(each => text.startsWith(`${each}:`))
  const who = role === undefined ? text : text.slice(role.length + 1)
  const isKnown = policy.principals.has(who) || policy.groups.has(who)
  if (!isKnown && listNameOf(who, policy.lists) === undefined) {
    throw new UsageError(`--require ${printable(text, 60)}: the policy has no such principal or group`)
  }
  return role === undefined ? { who } : { who, role }
}

function repositoryAt(place: string): string {
  if (isRepository(place)) return place
  const top = topOf(place)
  const next =
    top === undefined || top === place
      ? 'name the directory of one (git verify takes files without one by --files)'
      : `name ${printable(top)}`
  throw new UsageError(
    `${printable(place)} is not a git repository, bare or the top of a work tree; next: ${next}`,
  )
}

/** `word`: what was named, and is not written as a directory. */
function repositoryAround(here: string, word: string | undefined): string {
  const top = topOf(here)
  if (top !== undefined) return top
  if (isRepository(here)) return here
  const named = word === undefined ? '' : `${printable(word, 60)} is taken for a commit, and `
  const next =
    word !== undefined && isDirectory(word)
      ? `for the repository in that directory, write ./${printable(word, 60)}`
      : 'cd to one, or name its directory'
  throw new UsageError(`${named}${printable(here)} is not in a git repository; next: ${next}`)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
