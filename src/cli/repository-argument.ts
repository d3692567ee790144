/** Arguments and options of the commands about commits of a repository. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { canonicalUrl, FORGE_HOSTS, forgeUrl } from '../formats/locks/input-url.ts'
import { type Demand, type Policy, type Requirement, ROLES } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import type { Options } from './command.ts'
import { UsageError } from './usage-error.ts'

export const REPOSITORY_ARGUMENTS = {
  revisions: {
    count: 'any number',
    text: 'A repository, by its directory (by default the one here), and a commit of it (by default HEAD)',
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
 * Reads `[REPOSITORY] [REVISION]…`: a first argument that is a directory is the repository. Without
 * one it is that of the working directory. Throws UsageError.
 */
export function repositoryArguments(words: readonly string[], limit: number): RepositoryArguments {
  const [first, ...rest] = words
  const isPlace = first !== undefined && statSync(first, { throwIfNoEntry: false })?.isDirectory() === true
  const place = isPlace ? resolve(first) : repositoryAround(process.cwd())
  const revisions = isPlace ? rest : words
  const extra = revisions[limit]
  if (extra === undefined) return { place, revisions }
  throw new UsageError(`${printable(extra, 60)}: at most a repository and ${limit} of its commits`)
}

/**
 * The canonical URL of a repository: that of `--url`, in any of the forms in which a lock names
 * repositories, or of its directory. It is never taken from the repository's own configuration.
 * Throws UsageError.
 */
export function urlOf(place: string, url: string | undefined): string {
  if (url === undefined) return pathToFileURL(place).href
  try {
    const [, forge = '', owner = '', repo = ''] = /^(\w+):([^/]+)\/([^/]+)$/.exec(url) ?? []
    const host = Object.hasOwn(FORGE_HOSTS, forge) ? FORGE_HOSTS[forge] : undefined
    return host === undefined ? canonicalUrl(url, 'git') : forgeUrl(host, owner, repo)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(`--url: ${error.message}`, { cause: error })
  }
}

/** The policy, with the requirement of `--require` for all commits if that was given. */
export function requiring(policy: Policy, texts: readonly string[]): Policy {
  const [first, ...rest] = texts.map(text => demandOf(policy, text))
  if (first === undefined) return policy
  const require: Requirement = { kind: 'all', demands: [first, ...rest] }
  return { ...policy, inputs: [{ title: '--require', line: 0, url: '*', require, acceptUnlocked: false }] }
}

function demandOf(policy: Policy, text: string): Demand {
  const role = ROLES.expression.find(each => text.startsWith(`${each}:`))
  const who = role === undefined ? text : text.slice(role.length + 1)
  if (!policy.principals.has(who) && !policy.groups.has(who)) {
    throw new UsageError(`--require ${printable(text, 60)}: the policy has no such principal or group`)
  }
  return role === undefined ? { who } : { who, role }
}

function repositoryAround(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, '.git')) || at === dirname(at)) return at === dirname(at) ? directory : at
  }
}
