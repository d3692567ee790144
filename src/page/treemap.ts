/** Where each path lies on the map. Pure. */
import { hierarchy, treemap, treemapSquarify } from 'd3-hierarchy'
import type { PagePath } from '../report/page-shape.ts'
import { type Model, STANDING_WORDS, STANDINGS } from './model.ts'
import type { Area, Grouping } from './state.ts'

export interface Cell {
  /** Among the paths. */
  readonly at: number
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

export interface Plot {
  readonly title: string
  readonly count: number
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

export interface Layout {
  readonly cells: readonly Cell[]
  readonly plots: readonly Plot[]
}

export interface Arrangement {
  readonly width: number
  readonly height: number
  readonly grouping: Grouping
  readonly area: Area
  readonly isAll: boolean
}

interface Node {
  readonly title?: string
  readonly at?: number
  readonly weight?: number
  readonly children?: readonly Node[]
}

/** Height of a plot's title. */
const TITLE = 22

/** Whether there is room for a plot's title above what is in it. */
export const hasTitle = ({ y0, y1 }: Pick<Plot, 'y0' | 'y1'>): boolean => y1 - y0 > 3 * TITLE

/**
 * Lays out the map. Areas go by size; but no path has less than a third of what each would have if
 * all were alike, and no plot less than a small share, so that what is refused can be seen.
 */
export function layOut(model: Model, { width, height, grouping, area, isAll }: Arrangement): Layout {
  const shown = [...model.data.paths.keys()].filter(at => isAll || model.data.paths[at]?.isAsked)
  const weigh = weightOf(model, shown, area)
  const plots = new Map<string, Node[]>()
  for (const at of shown) {
    const title = titleOf(model, at, grouping)
    const node = { at, weight: weigh(at) }
    const plot = plots.get(title)
    if (plot === undefined) plots.set(title, [node])
    else plot.push(node)
  }
  const children = [...plots].map(([title, inside]) => ({ title, children: inside }))
  const root = hierarchy<Node>({ children: enlarged(children) })
    .sum(node => node.weight ?? 0)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
  const laid = treemap<Node>()
    .tile(treemapSquarify.ratio(1.4))
    .size([width, height])
    .paddingOuter(node => (node.depth === 1 ? 1 : 0))
    .paddingTop(node => (node.depth === 1 && hasTitle(node) ? TITLE : 0))
    .paddingInner(node => (node.depth === 0 ? 6 : 0))(root)
  return {
    cells: laid
      .leaves()
      .flatMap(({ data, x0, y0, x1, y1 }) =>
        data.at === undefined ? [] : [{ at: data.at, x0, y0, x1, y1 }],
      ),
    plots: (laid.children ?? []).map(({ data, x0, y0, x1, y1 }) => ({
      title: data.title ?? '',
      count: data.children?.length ?? 0,
      x0,
      y0,
      x1,
      y1,
    })),
  }
}

function weightOf({ data }: Model, shown: readonly number[], area: Area): (at: number) => number {
  if (area === 'number') return () => 1
  const total = shown.reduce((sum, at) => sum + (data.paths[at]?.size ?? 0), 0)
  const least = Math.max(1, total / Math.max(1, shown.length) / 3)
  return at => Math.max(least, data.paths[at]?.size ?? 0)
}

/** The share of the map that no plot falls below, as long as there are few. */
const LEAST_SHARE = 0.006

/** Plots so large that what is in them can be seen: those that would be small grow as a whole. */
function enlarged(plots: readonly Required<Pick<Node, 'title' | 'children'>>[]): readonly Node[] {
  const sums = plots.map(({ children }) => children.reduce((sum, { weight = 0 }) => sum + weight, 0))
  const total = sums.reduce((sum, each) => sum + each, 0)
  const least = total * Math.min(LEAST_SHARE, 0.3 / plots.length)
  return plots.map(({ title, children }, index) => {
    const factor = Math.max(1, least / (sums[index] || 1))
    return { title, children: children.map(node => ({ ...node, weight: (node.weight ?? 0) * factor })) }
  })
}

/** The plot in which a path lies. */
function titleOf(model: Model, at: number, grouping: Grouping): string {
  const path = model.data.paths[at]
  if (path === undefined) return ''
  if (grouping === 'kind') return `${path.kind[0]?.toUpperCase()}${path.kind.slice(1)}s`
  if (grouping === 'signer') return signerOf(model, path)
  const group = path.group === undefined ? undefined : model.data.groups[path.group]
  return group?.title ?? STANDING_WORDS[path.standing]
}

const MAIN_ROLES = ['builder', 'packager', 'developer', 'approver', 'committer', 'reviewer']

/** Who vouches for a path, in the role that says most about it. */
function signerOf({ data }: Model, path: PagePath): string {
  const claims = [...(path.claims ?? [])].sort(
    (a, b) => MAIN_ROLES.indexOf(a.role) - MAIN_ROLES.indexOf(b.role),
  )
  const role = claims[0]?.role
  const names = claims.flatMap(claim => {
    const holder = claim.role === role ? data.keys[claim.key]?.principal : undefined
    const name = holder === undefined ? undefined : data.principals[holder]?.name
    return name === undefined ? [] : [name]
  })
  return [...new Set(names)].sort().join(', ') || 'No signature that counts'
}

/** The cell at a point; undefined beside all. */
export function cellAt({ cells }: Layout, x: number, y: number): Cell | undefined {
  return cells.find(cell => x >= cell.x0 && x < cell.x1 && y >= cell.y0 && y < cell.y1)
}

export type Direction = 'left' | 'right' | 'up' | 'down'

/** The nearest cell on that side of another, of those that `is` names. */
export function neighbour(
  { cells }: Layout,
  from: Cell,
  direction: Direction,
  is: Uint8Array,
): Cell | undefined {
  const [x, y] = middle(from)
  const isAcross = direction === 'up' || direction === 'down'
  const sign = direction === 'left' || direction === 'up' ? -1 : 1
  let best: Cell | undefined
  let least = Number.POSITIVE_INFINITY
  for (const cell of cells) {
    if (is[cell.at] !== 1 || cell === from) continue
    const [cx, cy] = middle(cell)
    const along = (isAcross ? cy - y : cx - x) * sign
    if (along <= 0.01) continue
    const aside = isAcross ? outside(x, cell.x0, cell.x1) : outside(y, cell.y0, cell.y1)
    const far = along + aside * 4
    if (far < least) {
      least = far
      best = cell
    }
  }
  return best
}

const middle = ({ x0, x1, y0, y1 }: Cell): [number, number] => [(x0 + x1) / 2, (y0 + y1) / 2]

/** How far a value is outside of these bounds. */
const outside = (value: number, low: number, high: number) => Math.max(0, low - value, value - high)

/** Standings by how bad they are, for whoever sorts by them. */
export const standingRank = ({ standing }: PagePath): number => STANDINGS.indexOf(standing)
