/** The same paths as on the map, in rows, a page at a time. */
import type { PagePath } from '../report/page-shape.ts'
import type { App } from './app.ts'
import { pathLink, standingMark } from './bits.ts'
import { button, el } from './dom.ts'
import type { Sort } from './state.ts'
import { standingRank } from './treemap.ts'
import { counted, number, size } from './words.ts'

const ROWS = 50

const COLUMNS: readonly { readonly sort: Sort; readonly name: string }[] = [
  { sort: 'name', name: 'Path' },
  { sort: 'standing', name: 'Verdict' },
  { sort: 'kind', name: 'Kind' },
  { sort: 'size', name: 'Size' },
  { sort: 'rule', name: 'Decided by' },
]

const ORDERS: Readonly<Record<Sort, (a: PagePath, b: PagePath) => number>> = {
  name: (a, b) => compare(a.name, b.name),
  standing: (a, b) => standingRank(a) - standingRank(b),
  kind: (a, b) => compare(a.kind, b.kind),
  size: (a, b) => b.size - a.size,
  rule: (a, b) => compare(a.rule, b.rule),
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function tableView(app: App): HTMLElement {
  const { model, state, selection } = app
  const sorted = sortedPaths(app)
  const pages = Math.max(1, Math.ceil(sorted.length / ROWS))
  const page = Math.min(state.page, pages - 1)
  const shown = sorted.slice(page * ROWS, (page + 1) * ROWS)
  const rows = shown.map(at => row(app, at, model.data.paths[at]))
  const caption =
    selection.count === 0
      ? 'No path matches'
      : `${counted(selection.count, 'path')}, ${number(page * ROWS + 1)} to ${number(page * ROWS + shown.length)}`
  return el(
    'section',
    { class: 'card', attributes: { 'aria-label': 'Table of the paths' } },
    el(
      'div',
      { class: 'scroll', attributes: { tabindex: '0', role: 'region', 'aria-label': 'Rows' } },
      el(
        'table',
        { class: 'paths-table' },
        el('caption', {}, caption),
        el('thead', {}, el('tr', {}, ...COLUMNS.map(column => head(app, column)))),
        el('tbody', {}, ...rows),
      ),
    ),
    pages === 1 ? undefined : pager(app, page, pages),
  )
}

function sortedPaths({ model, state, selection }: App): readonly number[] {
  const { paths } = model.data
  const order = ORDERS[state.sort]
  const sign = state.isDown ? -1 : 1
  const chosen = [...paths.keys()].filter(at => selection.is[at] === 1)
  return chosen.sort((a, b) => {
    const [one, other] = [paths[a], paths[b]]
    return one === undefined || other === undefined ? 0 : sign * order(one, other) || a - b
  })
}

function head(app: App, { sort, name }: (typeof COLUMNS)[number]): HTMLElement {
  const { state } = app
  const isSorted = state.sort === sort
  const order = isSorted ? (state.isDown ? 'descending' : 'ascending') : undefined
  return el(
    'th',
    { attributes: { scope: 'col', 'aria-sort': order } },
    button(
      `sort ${sort}`,
      { onClick: () => app.go({ sort, isDown: isSorted && !state.isDown, page: 0 }, 'quietly') },
      name,
      el('span', { attributes: { 'aria-hidden': 'true' } }, isSorted ? (state.isDown ? ' ↓' : ' ↑') : ''),
    ),
  )
}

function row(app: App, at: number, path: PagePath | undefined): HTMLElement {
  if (path === undefined) return el('tr', {})
  return el(
    'tr',
    {},
    el('th', { attributes: { scope: 'row' } }, pathLink(app, at, 'row')),
    el('td', {}, standingMark(path)),
    el('td', {}, path.kind),
    el('td', { class: 'number' }, size(path.size)),
    el('td', {}, path.rule),
  )
}

function pager(app: App, page: number, pages: number): HTMLElement {
  const to = (key: string, name: string, target: number) => {
    const made = button(key, { class: 'button', onClick: () => app.go({ page: target }, 'quietly') }, name)
    made.disabled = target < 0 || target >= pages
    return made
  }
  return el(
    'nav',
    { class: 'pager', attributes: { 'aria-label': 'Pages of the table' } },
    to('previous', 'Previous', page - 1),
    el('span', {}, `Page ${number(page + 1)} of ${number(pages)}`),
    to('next', 'Next', page + 1),
  )
}
