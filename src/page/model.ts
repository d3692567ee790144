/** The audit with what is looked up often: both directions of its graph, and what to search in. */
import type { PageData, PageExpression, PagePath, Standing } from '../report/page-shape.ts'

export interface Model {
  readonly data: PageData
  /** What a path cannot do without: what it refers to and what it was made of. */
  readonly needs: readonly (readonly number[])[]
  /** The other direction. */
  readonly users: readonly (readonly number[])[]
  /** Last parts of the store paths, and where they are. */
  readonly places: ReadonlyMap<string, number>
  /** Of each path, in small letters: what a search may name. */
  readonly texts: readonly string[]
  /** Places of the expressions that cover a path. */
  readonly expressions: ReadonlyMap<number, readonly PageExpression[]>
  /** The outputs that a derivation makes. */
  readonly outputs: ReadonlyMap<number, readonly number[]>
  readonly rootsOf: (path: number) => readonly number[]
}

/** Worst first: the order in which standings are told. */
export const STANDINGS: readonly Standing[] = ['refused', 'undecided', 'exempt', 'unasked', 'trusted']

export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  refused: 'Refused',
  undecided: 'Undecided',
  exempt: 'By exemption',
  unasked: 'Nothing required',
  trusted: 'Trusted',
}

export function modelOf(data: PageData): Model {
  const needs = data.paths.map(path => [
    ...path.references,
    ...(path.derivation === undefined ? [] : [path.derivation]),
    ...(path.inputs ?? []),
  ])
  return {
    data,
    needs,
    users: turnedRound(needs),
    places: new Map(data.paths.map(({ path }, index) => [baseOf(path), index])),
    texts: data.paths.map(path => textOf(path, data)),
    expressions: listed(
      data.expressions.flatMap(expression => expression.covers.map(at => [at, expression])),
    ),
    outputs: listed(
      data.paths.flatMap(({ derivation }, at) =>
        derivation === undefined ? [] : [[derivation, at] as const],
      ),
    ),
    rootsOf: path => wayTo(data, path),
  }
}

/** A multimap of these pairs. */
function listed<V>(pairs: readonly (readonly [number, V])[]): ReadonlyMap<number, readonly V[]> {
  const lists = new Map<number, V[]>()
  for (const [at, value] of pairs) {
    const list = lists.get(at)
    if (list === undefined) lists.set(at, [value])
    else list.push(value)
  }
  return lists
}

function turnedRound(edges: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const turned: number[][] = edges.map(() => [])
  for (const [from, targets] of edges.entries()) for (const to of targets) turned[to]?.push(from)
  return turned
}

/** Whether a path is a source, fetched or local. */
export const isSource = (path: PagePath | undefined): boolean => path?.kind.endsWith('source') ?? false

/** The last part of a store path, by which the page names it. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function textOf(path: PagePath, { keys, principals, groups }: PageData): string {
  const signers = (path.claims ?? []).flatMap(claim => {
    const key = keys[claim.key]
    const who = key?.principal === undefined ? undefined : principals[key.principal]
    return [who?.name ?? '', key?.label ?? '', claim.role]
  })
  const group = path.group === undefined ? undefined : groups[path.group]
  return [
    path.path,
    path.hash ?? '',
    path.kind,
    STANDING_WORDS[path.standing],
    path.rule,
    group?.title ?? '',
    group?.code ?? '',
    ...new Set(signers),
  ]
    .join('\n')
    .toLowerCase()
}

/** From a root to this path, on a shortest way. */
function wayTo({ paths }: PageData, path: number): readonly number[] {
  const way: number[] = []
  for (let at: number | undefined = path; at !== undefined && way.length < paths.length; at = paths[at]?.via)
    way.unshift(at)
  return way
}

/** Everything that needs this path, directly or through others; not the path itself. */
export function falling({ users }: Model, path: number): readonly number[] {
  const seen = new Uint8Array(users.length)
  seen[path] = 1
  const found = [path]
  for (let at = 0; at < found.length; at++) {
    for (const user of users[found[at] ?? 0] ?? []) {
      if (seen[user] === 1) continue
      seen[user] = 1
      found.push(user)
    }
  }
  return found.slice(1)
}

/** What stands two steps around a path, by how far: `-2` needs it by way of `-1`; it needs `1`. */
export interface Around {
  readonly hops: readonly { readonly hop: number; readonly paths: readonly number[] }[]
}

/** Each path once, at its nearest; those that are refused first, then those on which most rests. */
export function around(model: Model, path: number): Around {
  const seen = new Set([path])
  const step = (from: readonly number[], edges: Model['needs']) => {
    const found = [...new Set(from.flatMap(at => edges[at] ?? []))].filter(at => !seen.has(at))
    for (const at of found) seen.add(at)
    return found.sort((a, b) => rank(model, a) - rank(model, b))
  }
  const users = step([path], model.users)
  const needs = step([path], model.needs)
  const farUsers = step(users, model.users)
  const farNeeds = step(needs, model.needs)
  const lists = [farUsers, users, [path], needs, farNeeds]
  return { hops: lists.map((paths, index) => ({ hop: index - 2, paths })) }
}

/** Refused before undecided before the others; then by layer, the highest first. */
function rank({ data }: Model, at: number): number {
  const path = data.paths[at]
  if (path === undefined) return 0
  return Math.min(STANDINGS.indexOf(path.standing), 2) * 1_000_000 - path.layer
}
