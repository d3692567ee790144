/**
 * The map: all paths at once. One thing to tab to; within it, arrow keys go from path to path and
 * Enter opens one. Those who listen hear a list with the path that has the focus.
 */
import type { App } from './app.ts'
import { el, onceAFrame } from './dom.ts'
import { baseOf, STANDING_WORDS } from './model.ts'
import { type Inks, inksOf, paintFrame, paintMap } from './paint.ts'
import type { Selection } from './select.ts'
import { type Cell, cellAt, type Direction, type Layout, layOut, neighbour } from './treemap.ts'
import { counted, size } from './words.ts'

const KEYS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
}

export class MapView {
  readonly element: HTMLElement
  readonly #base = el('canvas', { class: 'layer' })
  readonly #over = el('canvas', { class: 'layer' })
  readonly #tip = el('div', { class: 'tip', attributes: { 'aria-hidden': 'true' } })
  readonly #option = el('div', { class: 'unseen', attributes: { role: 'option', id: 'map-path' } })
  readonly #list: HTMLElement
  readonly #hint = el('p', { class: 'fine hint' })
  #app: App
  #layout: Layout = { cells: [], plots: [] }
  #arrangement = ''
  #inks: Inks | undefined
  #focus: Cell | undefined
  #pointed: Cell | undefined
  readonly #later = onceAFrame(() => this.#paint())
  #painted: Selection | undefined

  constructor(app: App) {
    this.#app = app
    this.#list = el(
      'div',
      {
        class: 'map',
        attributes: {
          role: 'listbox',
          tabindex: '0',
          'aria-label': 'Map of the paths',
          'aria-describedby': 'map-hint',
          'data-key': 'map',
        },
      },
      this.#base,
      this.#over,
      this.#option,
      this.#tip,
    )
    for (const layer of [this.#base, this.#over]) layer.setAttribute('aria-hidden', 'true')
    this.#hint.id = 'map-hint'
    const isEmpty = app.model.data.paths.length === 0
    this.#list.hidden = isEmpty
    this.#hint.textContent = isEmpty
      ? 'There is no path to show.'
      : 'Arrow keys go from path to path, Enter opens one. The table has the same paths in rows.'
    this.element = el('div', { class: 'map-box' }, this.#list, this.#hint)
    this.#listen()
    new ResizeObserver(() => this.#later()).observe(this.#list)
  }

  /** Shows another state. */
  update(app: App): void {
    this.#app = app
    this.#later()
  }

  /** Colours changed. */
  repaint(): void {
    this.#inks = undefined
    this.#later()
  }

  #listen(): void {
    const list = this.#list
    list.addEventListener('pointermove', event => this.#point(this.#at(event)))
    list.addEventListener('pointerleave', () => this.#point(undefined))
    list.addEventListener('click', event => {
      const cell = this.#at(event)
      if (cell === undefined) return
      this.#setFocus(cell)
      this.#open(cell)
    })
    list.addEventListener('focus', () => this.#setFocus(this.#focus ?? this.#firstCell()))
    list.addEventListener('blur', () => this.#paintOver())
    list.addEventListener('keydown', event => this.#key(event))
  }

  #at({ offsetX, offsetY }: MouseEvent): Cell | undefined {
    return cellAt(this.#layout, offsetX, offsetY)
  }

  #firstCell(): Cell | undefined {
    const { state, model, selection } = this.#app
    const place = state.path === undefined ? undefined : model.places.get(state.path)
    return (
      this.#layout.cells.find(({ at }) => at === place) ??
      this.#layout.cells.find(({ at }) => selection.is[at] === 1)
    )
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const { is } = this.#app.selection
    const from = this.#focus ?? this.#firstCell()
    if (from === undefined) return
    const direction = KEYS[event.key]
    const seen = () => this.#layout.cells.filter(({ at }) => is[at] === 1)
    if (direction !== undefined) this.#setFocus(neighbour(this.#layout, from, direction, is) ?? from)
    else if (event.key === 'Home') this.#setFocus(seen()[0])
    else if (event.key === 'End') this.#setFocus(seen().at(-1))
    else if (event.key === 'Enter' || event.key === ' ') this.#open(from)
    else return
    event.preventDefault()
  }

  #open(cell: Cell): void {
    const path = this.#app.model.data.paths[cell.at]
    if (path !== undefined) this.#app.go({ path: baseOf(path.path) }, 'step')
  }

  #setFocus(cell: Cell | undefined): void {
    this.#focus = cell
    const path = cell === undefined ? undefined : this.#app.model.data.paths[cell.at]
    this.#list.toggleAttribute('aria-activedescendant', false)
    if (cell !== undefined && path !== undefined) {
      this.#option.textContent = `${path.name}, ${path.kind}, ${STANDING_WORDS[path.standing]}, ${size(path.size)}`
      this.#option.setAttribute('aria-selected', String(this.#app.state.path === baseOf(path.path)))
      this.#option.setAttribute('aria-setsize', String(this.#layout.cells.length))
      this.#option.setAttribute('aria-posinset', String(this.#layout.cells.indexOf(cell) + 1))
      this.#list.setAttribute('aria-activedescendant', 'map-path')
    }
    this.#paintOver()
  }

  #point(cell: Cell | undefined): void {
    if (cell === this.#pointed) return
    this.#pointed = cell
    this.#paintOver()
  }

  #paint(): void {
    const { clientWidth: width, clientHeight: height } = this.#list
    if (width === 0 || height === 0) return
    const { model, state, selection } = this.#app
    const { grouping, area, isAll } = state
    const arrangement = JSON.stringify([width, height, grouping, area, isAll])
    const isSame =
      arrangement === this.#arrangement && selection === this.#painted && this.#inks !== undefined
    if (arrangement !== this.#arrangement) {
      this.#arrangement = arrangement
      this.#layout = layOut(model, { width, height, grouping, area, isAll })
      this.#focus = this.#layout.cells.find(({ at }) => at === this.#focus?.at)
      this.#pointed = undefined
    }
    this.#inks ??= inksOf(this.#list)
    const context = isSame ? null : sized(this.#base, width, height)
    if (context !== null) paintMap(context, model, this.#layout, selection.is, this.#inks)
    this.#painted = selection
    this.#option.textContent ||= counted(selection.count, 'path')
    this.#paintOver()
    if (performance.getEntriesByName('map-drawn').length === 0) performance.mark('map-drawn')
  }

  #paintOver(): void {
    const { clientWidth: width, clientHeight: height } = this.#list
    const context = sized(this.#over, width, height)
    if (context === null || this.#inks === undefined) return
    const { model, state } = this.#app
    const place = state.path === undefined ? undefined : model.places.get(state.path)
    const chosen = place === undefined ? undefined : this.#layout.cells.find(({ at }) => at === place)
    if (chosen !== undefined) paintFrame(context, chosen, this.#inks, 'chosen')
    if (this.#focus !== undefined && document.activeElement === this.#list)
      paintFrame(context, this.#focus, this.#inks, 'focused')
    if (this.#pointed !== undefined) paintFrame(context, this.#pointed, this.#inks, 'pointed')
    const isFocused = document.activeElement === this.#list
    this.#showTip(this.#pointed ?? (isFocused ? this.#focus : undefined), width)
  }

  #showTip(cell: Cell | undefined, width: number): void {
    const path = cell === undefined ? undefined : this.#app.model.data.paths[cell.at]
    this.#tip.hidden = path === undefined
    if (cell === undefined || path === undefined) return
    this.#tip.replaceChildren(
      el('strong', {}, path.name),
      el('span', {}, `${STANDING_WORDS[path.standing]} · ${path.kind} · ${size(path.size)}`),
    )
    const isRight = cell.x0 > width / 2
    this.#tip.style.left = isRight ? 'auto' : `${Math.max(0, cell.x0)}px`
    this.#tip.style.right = isRight ? `${Math.max(0, width - cell.x1)}px` : 'auto'
    const isLow = cell.y0 > 70
    this.#tip.style.top = isLow ? 'auto' : `${cell.y1 + 6}px`
    this.#tip.style.bottom = isLow ? `${this.#list.clientHeight - cell.y0 + 6}px` : 'auto'
  }
}

/** A canvas of this size in the page, sharp on this screen, and empty. */
function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const scale = Math.min(2, window.devicePixelRatio || 1)
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)]
  if (canvas.width !== across) canvas.width = across
  if (canvas.height !== down) canvas.height = down
  const context = canvas.getContext('2d')
  context?.setTransform(scale, 0, 0, scale, 0, 0)
  context?.clearRect(0, 0, width, height)
  return context
}
