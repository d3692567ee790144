/** Paints the map. Standings differ in lightness and in pattern as well as in colour. */
import type { Standing } from '../report/page-shape.ts'
import { type Model, STANDINGS } from './model.ts'
import { type Cell, hasTitle, type Layout, type Plot } from './treemap.ts'
import { number } from './words.ts'

interface Ink {
  readonly fill: string
  readonly line: string
  readonly text: string
}

export interface Inks {
  readonly standings: Readonly<Record<Standing, Ink>>
  readonly ground: string
  readonly text: string
  readonly accent: string
}

/** The colours of the page's style as they are now, dark or light. */
export function inksOf(element: Element): Inks {
  const style = getComputedStyle(element)
  const value = (name: string) => style.getPropertyValue(name).trim()
  const ink = (standing: Standing): Ink => ({
    fill: value(`--${standing}`),
    line: value(`--${standing}-line`),
    text: value(`--${standing}-text`),
  })
  return {
    standings: {
      refused: ink('refused'),
      undecided: ink('undecided'),
      exempt: ink('exempt'),
      unasked: ink('unasked'),
      trusted: ink('trusted'),
    },
    ground: value('--ground'),
    text: value('--text'),
    accent: value('--accent'),
  }
}

const FONT = '12px system-ui, sans-serif'
const TITLE_FONT = '600 12px system-ui, sans-serif'

/** Everything but what is pointed at. `is`: what is looked at; the rest is pale. */
export function paintMap(
  context: CanvasRenderingContext2D,
  model: Model,
  layout: Layout,
  is: Uint8Array,
  inks: Inks,
): void {
  context.font = FONT
  context.textBaseline = 'middle'
  for (const standing of STANDINGS) {
    const cells = layout.cells.filter(({ at }) => model.data.paths[at]?.standing === standing)
    if (cells.length > 0)
      paintStanding(context, model, cells, { is, ink: inks.standings[standing], standing })
  }
  context.globalAlpha = 1
  context.font = TITLE_FONT
  context.fillStyle = inks.text
  for (const plot of layout.plots) paintTitle(context, plot)
}

interface Manner {
  readonly is: Uint8Array
  readonly ink: Ink
  readonly standing: Standing
}

function paintStanding(
  context: CanvasRenderingContext2D,
  model: Model,
  cells: readonly Cell[],
  { is, ink, standing }: Manner,
): void {
  const pattern = patternOf(context, standing, ink.line)
  for (const isBright of [false, true]) {
    const some = cells.filter(({ at }) => (is[at] === 1) === isBright)
    context.globalAlpha = isBright ? 1 : 0.16
    context.fillStyle = ink.fill
    for (const cell of some) fill(context, cell)
    if (!isBright) continue
    if (pattern !== undefined) {
      context.fillStyle = pattern
      for (const cell of some) if (cell.x1 - cell.x0 > 5 && cell.y1 - cell.y0 > 5) fill(context, cell)
    }
    for (const cell of some) {
      if (cell.x1 - cell.x0 > 54 && cell.y1 - cell.y0 > 17)
        paintName(context, cell, model.data.paths[cell.at]?.name ?? '', {
          ink,
          isOverPattern: pattern !== undefined,
        })
    }
  }
}

/** On whole pixels, which is sharp and soon done; a gap where there is room for one. */
function fill(context: CanvasRenderingContext2D, { x0, y0, x1, y1 }: Cell): void {
  const [left, top] = [Math.round(x0), Math.round(y0)]
  const gap = x1 - x0 > 3 && y1 - y0 > 3 ? 1 : 0
  const width = Math.max(1, Math.round(x1) - left - gap)
  const height = Math.max(1, Math.round(y1) - top - gap)
  context.fillRect(left, top, width, height)
}

function paintName(
  context: CanvasRenderingContext2D,
  { x0, y0, x1, y1 }: Cell,
  name: string,
  { ink, isOverPattern }: { readonly ink: Ink; readonly isOverPattern: boolean },
): void {
  const text = shortened(context, name, x1 - x0 - 12)
  if (text === '') return
  const y = y0 + Math.min(12, (y1 - y0) / 2)
  if (isOverPattern) {
    context.fillStyle = ink.fill
    context.fillRect(x0 + 2, y - 8, context.measureText(text).width + 8, 16)
  }
  context.fillStyle = ink.text
  context.fillText(text, x0 + 6, y)
}

function paintTitle(context: CanvasRenderingContext2D, plot: Plot): void {
  const { title, count, x0, x1, y0 } = plot
  if (!hasTitle(plot) || x1 - x0 < 46) return
  const words = shortened(context, title, x1 - x0 - 44)
  if (words === '') return
  const told = `${words}  ${number(count)}`
  if (context.measureText(told).width <= x1 - x0) context.fillText(told, x0 + 1, y0 + 11)
  else context.fillText(words, x0 + 1, y0 + 11)
}

/** As much of a text as there is room for, with `…` where it was cut. */
function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text
  // Letters are about as wide as each other: guess, then mend.
  let length = Math.min(text.length, Math.floor((text.length * room) / context.measureText(text).width))
  while (length > 2 && context.measureText(`${text.slice(0, length)}…`).width > room) length--
  return length > 2 ? `${text.slice(0, length)}…` : ''
}

function patternOf(
  context: CanvasRenderingContext2D,
  standing: Standing,
  line: string,
): CanvasPattern | undefined {
  if (standing === 'trusted') return undefined
  const tile = document.createElement('canvas')
  tile.width = 8
  tile.height = 8
  const brush = tile.getContext('2d')
  if (brush === null) return undefined
  brush.strokeStyle = line
  brush.fillStyle = line
  brush.lineWidth = 1.2
  const strokes: Readonly<Record<Exclude<Standing, 'trusted'>, readonly (readonly number[])[]>> = {
    refused: [
      [-2, 2, 2, -2],
      [0, 8, 8, 0],
      [6, 10, 10, 6],
    ],
    undecided: [],
    exempt: [[0, 4, 8, 4]],
    unasked: [[4, 0, 4, 8]],
  }
  for (const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] of strokes[standing]) {
    brush.beginPath()
    brush.moveTo(x0, y0)
    brush.lineTo(x1, y1)
    brush.stroke()
  }
  if (standing === 'undecided') {
    brush.beginPath()
    brush.arc(4, 4, 1.4, 0, Math.PI * 2)
    brush.fill()
  }
  return context.createPattern(tile, 'repeat') ?? undefined
}

/** A frame around what is pointed at, or what has the focus. */
export function paintFrame(
  context: CanvasRenderingContext2D,
  { x0, y0, x1, y1 }: Cell,
  inks: Inks,
  manner: 'pointed' | 'focused' | 'chosen',
): void {
  const grown = Math.max(0, 8 - Math.min(x1 - x0, y1 - y0)) / 2 + 1
  const box = [x0 - grown, y0 - grown, x1 - x0 + grown * 2, y1 - y0 + grown * 2] as const
  context.lineJoin = 'round'
  context.strokeStyle = inks.ground
  context.lineWidth = manner === 'pointed' ? 3 : 6
  context.strokeRect(...box)
  context.strokeStyle = manner === 'pointed' ? inks.text : inks.accent
  context.lineWidth = manner === 'pointed' ? 1.5 : 3
  context.strokeRect(...box)
}
