/** What is looked at: kept in the fragment of the address, so that a link leads back to it. */
import type { Standing } from '../report/page-shape.ts'
import { STANDINGS } from './model.ts'

export const VIEWS = ['map', 'table', 'people', 'refused', 'ends', 'disk'] as const
export type View = (typeof VIEWS)[number]

export const GROUPINGS = ['standing', 'signer', 'kind'] as const
export type Grouping = (typeof GROUPINGS)[number]

export const AREAS = ['size', 'number'] as const
export type Area = (typeof AREAS)[number]

export const SORTS = ['name', 'standing', 'kind', 'size', 'rule'] as const
export type Sort = (typeof SORTS)[number]

export interface State {
  readonly view: View
  readonly query: string
  /** Standings that are looked at; empty for all. */
  readonly standings: readonly Standing[]
  /** Whether what the closure was made of is looked at as well. */
  readonly isAll: boolean
  readonly grouping: Grouping
  readonly area: Area
  /** The last part of a store path. */
  readonly path: string | undefined
  /** Name of a principal that is looked at. */
  readonly who: string | undefined
  /** What rests on this is looked at alone: `who NAME`, `key IDENTITY`, `path BASE`, `group N`. */
  readonly on: string | undefined
  readonly sort: Sort
  readonly isDown: boolean
  /** From 0. */
  readonly page: number
}

export const START: State = {
  view: 'map',
  query: '',
  standings: [],
  isAll: false,
  grouping: 'standing',
  area: 'size',
  path: undefined,
  who: undefined,
  on: undefined,
  sort: 'standing',
  isDown: false,
  page: 0,
}

/** Reads a fragment, with or without `#`. What is not known is passed over. */
export function parseState(fragment: string): State {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''))
  const choice = <T extends string>(name: string, choices: readonly T[], usual: T): T =>
    choices.find(value => value === fields.get(name)) ?? usual
  const page = Number(fields.get('page') ?? 1)
  return {
    view: choice('view', VIEWS, START.view),
    query: (fields.get('q') ?? '').slice(0, 200),
    standings: STANDINGS.filter(standing => (fields.get('show') ?? '').split('.').includes(standing)),
    isAll: fields.get('all') === '1',
    grouping: choice('by', GROUPINGS, START.grouping),
    area: choice('area', AREAS, START.area),
    path: fields.get('path') ?? undefined,
    who: fields.get('who') ?? undefined,
    on: fields.get('on') ?? undefined,
    sort: choice('sort', SORTS, START.sort),
    isDown: fields.get('down') === '1',
    page: Number.isInteger(page) && page > 0 && page < 1_000_000 ? page - 1 : 0,
  }
}

/** The fragment of a state, with `#`: what is as usual is left out. */
export function fragmentOf(state: State): string {
  const fields = new URLSearchParams()
  const put = (name: string, value: string | undefined, usual?: string) => {
    if (value !== undefined && value !== '' && value !== usual) fields.set(name, value)
  }
  put('view', state.view, START.view)
  put('q', state.query)
  put('show', state.standings.join('.'))
  put('all', state.isAll ? '1' : undefined)
  put('by', state.grouping, START.grouping)
  put('area', state.area, START.area)
  put('path', state.path)
  put('who', state.who)
  put('on', state.on)
  put('sort', state.sort, START.sort)
  put('down', state.isDown ? '1' : undefined)
  put('page', String(state.page + 1), '1')
  return `#${fields}`
}
