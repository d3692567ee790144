/** The page: reads the audit that lies in it, and draws what the fragment of its address names. */
import type { App } from './app.ts'
import { readData } from './data.ts'
import { el, onceAFrame, redraw } from './dom.ts'
import { evidenceView } from './evidence-view.ts'
import { filters } from './filters.ts'
import { graphView } from './graph-view.ts'
import { diskView, endsView, refusedView } from './lists-view.ts'
import { lookSwitch } from './look.ts'
import { MapView } from './map-view.ts'
import { type Model, modelOf } from './model.ts'
import { peopleView } from './people-view.ts'
import { printView } from './print-view.ts'
import { type Selection, selectionOf } from './select.ts'
import { fragmentOf, parseState, type State, VIEWS, type View } from './state.ts'
import { tableView } from './table-view.ts'
import { counted } from './words.ts'

const NAMES: Readonly<Record<View, string>> = {
  map: 'Map',
  table: 'Table',
  people: 'People',
  refused: 'Refused',
  ends: 'Ends',
  disk: 'Disk',
}

class Page {
  readonly #model: Model
  readonly #map: MapView
  readonly #tabs = el('nav', { class: 'tabs', attributes: { 'aria-label': 'Views' } })
  readonly #filters = el('section', { class: 'filters', attributes: { 'aria-label': 'Filters' } })
  readonly #view = el('div', { class: 'view' })
  readonly #path = el('div', { class: 'path' })
  readonly #status = el('p', { class: 'unseen', attributes: { role: 'status' } })
  readonly #search = el('input', {
    class: 'search',
    attributes: {
      type: 'search',
      id: 'search',
      placeholder: 'name, hash, person, reason',
      autocomplete: 'off',
      spellcheck: 'false',
    },
  })
  readonly #main = el('main', { attributes: { id: 'main' } })
  #state = parseState(location.hash)
  #drawn: State | undefined
  #selected: { readonly by: string; readonly selection: Selection } | undefined
  readonly #drawSoon = onceAFrame(() => this.#draw())
  /** What had the focus when a path was opened, by its key. */
  #opener: string | undefined

  constructor(model: Model, root: HTMLElement) {
    this.#model = model
    this.#map = new MapView(this.#app())
    this.#main.append(this.#view, this.#path)
    root.replaceChildren(
      el(
        'div',
        { class: 'bar-top' },
        this.#tabs,
        el(
          'div',
          { class: 'tools', attributes: { role: 'search' } },
          el('label', { class: 'unseen', attributes: { for: 'search' } }, 'Search'),
          this.#search,
          lookSwitch(() => this.#map.repaint()),
        ),
      ),
      this.#filters,
      this.#status,
      this.#main,
    )
    this.#listen()
    this.#draw()
  }

  #app(): App {
    return {
      model: this.#model,
      state: this.#state,
      selection: this.#select(),
      go: (change, how) => this.#go(change, how),
      say: text => {
        this.#status.textContent = text
      },
    }
  }

  /** The same selection as long as nothing that decides about it changed. */
  #select(): Selection {
    const { query, standings, isAll, on } = this.#state
    const by = JSON.stringify([query, standings, isAll, on])
    if (this.#selected?.by !== by) this.#selected = { by, selection: selectionOf(this.#model, this.#state) }
    return this.#selected.selection
  }

  #listen(): void {
    window.addEventListener('hashchange', () => this.#arrive())
    window.addEventListener('popstate', () => this.#arrive())
    this.#search.addEventListener('input', () => this.#go({ query: this.#search.value, page: 0 }, 'quietly'))
    document.addEventListener('keydown', event => this.#key(event))
    let printed: HTMLElement | undefined
    window.addEventListener('beforeprint', () => {
      printed ??= printView(this.#model)
      document.querySelector('.foot')?.before(printed)
    })
    window.addEventListener('afterprint', () => printed?.remove())
  }

  #key(event: KeyboardEvent): void {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    if (event.key === 'Escape' && this.#state.path !== undefined) {
      event.preventDefault()
      this.#go({ path: undefined }, 'step')
    } else if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault()
      this.#search.focus()
    }
  }

  #arrive(): void {
    const state = parseState(location.hash)
    if (fragmentOf(state) === fragmentOf(this.#state)) return
    this.#state = state
    this.#drawSoon()
  }

  #go(change: Partial<State>, how: 'step' | 'quietly'): void {
    const before = fragmentOf(this.#state)
    this.#state = { ...this.#state, ...change }
    const fragment = fragmentOf(this.#state)
    if (fragment === before) return
    if (how === 'step') history.pushState(null, '', fragment)
    else history.replaceState(null, '', fragment)
    this.#drawSoon()
  }

  #draw(): void {
    const app = this.#app()
    const { state } = app
    const last = this.#drawn
    this.#drawn = state
    if (document.activeElement !== this.#search) this.#search.value = state.query
    redraw(this.#tabs, ...VIEWS.map(view => tab(app, view)))
    redraw(this.#filters, ...filters(app))
    this.#drawView(app)
    if (last === undefined || last.path !== state.path) this.#drawPath(app, last)
    const isCounted = state.view === 'map' || state.view === 'table'
    if (isCounted && last !== undefined) app.say(`${counted(app.selection.count, 'path')} shown`)
  }

  #drawView(app: App): void {
    const { view } = app.state
    if (view !== 'map') {
      redraw(this.#view, VIEW_OF[view](app))
      return
    }
    this.#map.update(app)
    if (this.#map.element.parentElement !== this.#view) this.#view.replaceChildren(this.#map.element)
  }

  /** The path that is looked at; whoever opened it goes to its head, and back when it is closed. */
  #drawPath(app: App, last: State | undefined): void {
    const { places, data } = this.#model
    const at = app.state.path === undefined ? undefined : places.get(app.state.path)
    const path = at === undefined ? undefined : data.paths[at]
    this.#main.classList.toggle('has-path', path !== undefined)
    if (at === undefined || path === undefined) {
      const isInside = this.#path.contains(document.activeElement)
      this.#path.replaceChildren()
      if (isInside) this.#focusBack()
      return
    }
    const active = document.activeElement
    if (active instanceof HTMLElement && this.#view.contains(active)) this.#opener = active.dataset['key']
    this.#path.replaceChildren(evidenceView(app, at, path), graphView(app, at))
    if (last === undefined) return
    const head = this.#path.querySelector<HTMLElement>('#path-title')
    head?.focus({ preventScroll: true })
    head?.scrollIntoView({ block: 'nearest' })
  }

  /** To what opened the path that was closed, or to the view's name if that is gone. */
  #focusBack(): void {
    const all = [...this.#view.querySelectorAll<HTMLElement>('[data-key]')]
    const opener = all.find(element => element.dataset['key'] === this.#opener)
    const target = opener ?? this.#tabs.querySelector<HTMLElement>('[aria-current]')
    target?.focus()
  }
}

const VIEW_OF: Readonly<Record<Exclude<View, 'map'>, (app: App) => HTMLElement>> = {
  table: tableView,
  people: peopleView,
  refused: refusedView,
  ends: endsView,
  disk: diskView,
}

function tab(app: App, view: View): HTMLElement {
  const isHere = app.state.view === view
  const link = el(
    'a',
    {
      attributes: {
        href: fragmentOf({ ...app.state, view, page: 0 }),
        'aria-current': isHere ? 'page' : undefined,
        'data-key': `view ${view}`,
      },
      onClick: event => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return
        event.preventDefault()
        app.go({ view, page: 0 }, 'step')
      },
    },
    NAMES[view],
  )
  return link
}

async function start(): Promise<void> {
  const root = document.getElementById('app')
  if (root === null) return
  try {
    new Page(modelOf(await readData()), root)
  } catch (error) {
    root.replaceChildren(
      el(
        'p',
        { class: 'card', attributes: { role: 'alert' } },
        `This page cannot be shown: it was cut short, or this browser is too old for it (${error instanceof Error ? error.message : 'unknown'}). Write it again with nixsig audit --html.`,
      ),
    )
  }
  document.documentElement.dataset['ready'] = ''
}

void start()
