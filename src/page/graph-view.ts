/** What stands two steps around a path: what needs it on one side, what it needs on the other. */
import type { App } from './app.ts'
import { growing, pathLink } from './bits.ts'
import { el } from './dom.ts'
import { around } from './model.ts'

const HEADS: Readonly<Record<string, string>> = {
  '-2': 'needs those',
  '-1': 'needs it',
  '0': 'this path',
  '1': 'it needs',
  '2': 'those need',
}

const NAMESPACE = 'http://www.w3.org/2000/svg'
/** How many paths a column has before somebody asks for more. */
const FIRST = 8

export function graphView(app: App, path: number): HTMLElement {
  const { hops } = around(app.model, path)
  const lines = document.createElementNS(NAMESPACE, 'svg')
  lines.setAttribute('class', 'lines')
  lines.setAttribute('aria-hidden', 'true')
  const boxes = new Map<number, HTMLElement>()
  const draw = () => drawLines(lines, app, boxes, path)
  const columns = hops.map(({ hop, paths }) => column(app, hop, paths, boxes, draw))
  const graph = el('div', { class: 'graph' }, ...columns.filter(found => found !== undefined))
  graph.prepend(lines)
  new ResizeObserver(draw).observe(graph)
  return el(
    'section',
    { class: 'around card', attributes: { 'aria-labelledby': 'around-title' } },
    el('h3', { attributes: { id: 'around-title' } }, 'Two steps around it'),
    whyHere(app, path),
    graph,
  )
}

function column(
  app: App,
  hop: number,
  paths: readonly number[],
  boxes: Map<number, HTMLElement>,
  draw: () => void,
): HTMLElement | undefined {
  if (paths.length === 0) return undefined
  const list = el('ul', {})
  const items = paths.map(at => () => {
    const item = el('li', { class: hop === 0 ? 'node is-centre' : 'node' }, pathLink(app, at, `hop ${hop}`))
    boxes.set(at, item)
    return item
  })
  const more = growing(list, items, { key: `hop ${hop} more`, first: FIRST, step: 24, grown: draw })
  return el(
    'div',
    { class: 'hop', attributes: { 'data-hop': String(hop) } },
    el('p', { class: 'hop-head' }, HEADS[String(hop)] ?? ''),
    list,
    more,
  )
}

/** One line for each edge between two columns that stand beside each other. */
function drawLines(
  lines: SVGSVGElement,
  { model }: App,
  boxes: ReadonlyMap<number, HTMLElement>,
  centre: number,
): void {
  const ground = lines.parentElement
  if (ground === null) return
  const frame = ground.getBoundingClientRect()
  const drawn: SVGPathElement[] = []
  for (const [from, box] of boxes) {
    for (const to of model.needs[from] ?? []) {
      const target = boxes.get(to)
      if (target === undefined) continue
      const hops = [box, target].map(item => Number(item.closest<HTMLElement>('.hop')?.dataset['hop']))
      if ((hops[1] ?? 0) - (hops[0] ?? 0) !== 1) continue
      const line = document.createElementNS(NAMESPACE, 'path')
      line.setAttribute('d', curve(box.getBoundingClientRect(), target.getBoundingClientRect(), frame))
      const isDirect = from === centre || to === centre
      line.setAttribute('class', isDirect ? 'line is-direct' : 'line')
      drawn.push(line)
    }
  }
  lines.replaceChildren(...drawn)
}

/** From the side of one box to the nearest side of another: across, or down on a narrow screen. */
function curve(from: DOMRect, to: DOMRect, frame: DOMRect): string {
  const isAcross = to.left >= from.right
  const x0 = (isAcross ? from.right : from.left + 14) - frame.left
  const x1 = (isAcross ? to.left : to.left + 14) - frame.left
  const y0 = (isAcross ? from.top + from.height / 2 : from.bottom) - frame.top
  const y1 = (isAcross ? to.top + to.height / 2 : to.top) - frame.top
  const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2]
  return isAcross
    ? `M${x0},${y0} C${mx},${y0} ${mx},${y1} ${x1},${y1}`
    : `M${x0},${y0} C${x0},${my} ${x1},${my} ${x1},${y1}`
}

/** A shortest way from a root to the path. */
function whyHere(app: App, path: number): HTMLElement {
  const way = app.model.rootsOf(path)
  if (way.length < 2)
    return el('p', { class: 'why' }, 'It is here because it was asked for, or because nothing else needs it.')
  const steps = way.map(at => el('li', {}, at === path ? el('b', {}, 'this path') : pathLink(app, at, 'way')))
  return el(
    'div',
    { class: 'why' },
    el(
      'p',
      { class: 'fine', attributes: { id: 'why-title' } },
      'Why it is here: a shortest way from what was asked for',
    ),
    el('ol', { class: 'way', attributes: { 'aria-labelledby': 'why-title' } }, ...steps),
  )
}
