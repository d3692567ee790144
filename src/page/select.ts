/** Which paths are looked at: what is searched for, filtered, and rests on one thing. */
import { falling, type Model } from './model.ts'
import type { State } from './state.ts'

export interface Selection {
  /** Whether each path is looked at. */
  readonly is: Uint8Array
  readonly count: number
  /** Whether anything is left out by a search or a filter. */
  readonly isNarrowed: boolean
}

/** What rests on something: the paths and how that is called; undefined if there is no such thing. */
export interface Resting {
  readonly title: string
  readonly paths: readonly number[]
}

export function selectionOf(model: Model, state: State): Selection {
  const { paths } = model.data
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean)
  const resting = restingOn(model, state.on)
  const only = resting === undefined ? undefined : new Set(resting.paths)
  const is = new Uint8Array(paths.length)
  let count = 0
  for (const [at, path] of paths.entries()) {
    if (!path.isAsked && !state.isAll) continue
    if (state.standings.length > 0 && !state.standings.includes(path.standing)) continue
    if (only !== undefined && !only.has(at)) continue
    const text = model.texts[at] ?? ''
    if (!words.every(word => text.includes(word))) continue
    is[at] = 1
    count++
  }
  const isNarrowed = words.length > 0 || state.standings.length > 0 || only !== undefined
  return { is, count, isNarrowed }
}

export function restingOn(model: Model, on: string | undefined): Resting | undefined {
  if (on === undefined) return undefined
  const { keys, principals, groups, paths } = model.data
  const [kind = '', ...rest] = on.split(' ')
  const name = rest.join(' ')
  if (kind === 'who') {
    const found = principals.find(principal => principal.name === name)
    return found && { title: `what falls without ${name}`, paths: found.falls }
  }
  if (kind === 'key') {
    const found = keys.find(key => key.identity === name)
    return found && { title: `what falls without the key ${found.label}`, paths: found.falls }
  }
  if (kind === 'group') {
    const found = groups.find(group => `${group.code} ${group.title}` === name)
    return found && { title: found.title, paths: found.paths }
  }
  const place = model.places.get(name)
  if (kind !== 'path' || place === undefined) return undefined
  return { title: `what falls with ${paths[place]?.name}`, paths: [place, ...falling(model, place)] }
}
