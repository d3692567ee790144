/** Small parts that several views show. */
import type { PageClaim, PagePath } from '../report/page-shape.ts'
import type { App } from './app.ts'
import { button, el } from './dom.ts'
import { baseOf, STANDING_WORDS } from './model.ts'
import { counted, number } from './words.ts'

/** How a path stands: a mark that is told apart by its shape, and the word. */
export function standingMark({ standing, isLetIn }: PagePath): HTMLElement {
  const words = STANDING_WORDS[standing]
  return el('span', { class: `standing is-${standing}` }, isLetIn ? `${words}, let in` : words)
}

/** A path that can be looked at. */
export function pathLink(app: App, at: number, place: string): HTMLElement {
  const path = app.model.data.paths[at]
  if (path === undefined) return el('span', {}, 'a path that is not listed')
  return button(
    `${place} ${at}`,
    {
      class: 'path-link',
      attributes: { title: path.path },
      onClick: () => app.go({ path: baseOf(path.path) }, 'step'),
    },
    el('span', { class: `dot is-${path.standing}`, attributes: { 'aria-hidden': 'true' } }),
    el('span', { class: 'path-name' }, path.name),
    el('span', { class: 'unseen' }, ` (${path.kind}, ${STANDING_WORDS[path.standing].toLowerCase()})`),
  )
}

/** Some paths, the first of them at once. */
export function pathList(app: App, paths: readonly number[], place: string, first = 8): HTMLElement {
  const list = el('ul', { class: 'paths' })
  const items = paths.map(at => () => el('li', {}, pathLink(app, at, place)))
  const more = growing(list, items, { key: `${place} more`, first, step: 50 })
  return more === undefined ? list : el('div', {}, list, more)
}

interface Growth {
  /** Names the button. */
  readonly key: string
  /** How many items are there at once, and how many come with each click. */
  readonly first: number
  readonly step: number
  readonly grown?: () => void
}

/** Fills a list with its first items. Returns the button that adds others, if there are any. */
export function growing(
  list: HTMLElement,
  items: readonly (() => HTMLElement)[],
  { key, first, step, grown }: Growth,
): HTMLElement | undefined {
  const add = (count: number) => {
    const from = list.children.length
    list.append(...items.slice(from, from + count).map(make => make()))
    return items.length - list.children.length
  }
  const words = (left: number) => `${number(left)} more`
  const left = add(first)
  if (left === 0) return undefined
  const more = button(key, { class: 'quiet' }, words(left))
  more.addEventListener('click', () => {
    const from = list.children.length
    const still = add(step)
    more.textContent = words(still)
    if (still === 0) more.remove()
    // The button may be gone, and whoever asked for more goes on where it was.
    list.children[from]?.querySelector('button')?.focus()
    grown?.()
  })
  return more
}

/** A principal who can be looked at, or the key if nobody has it. */
export function signer(app: App, key: number, place: string): HTMLElement {
  const { keys, principals } = app.model.data
  const found = keys[key]
  const who = found?.principal === undefined ? undefined : principals[found.principal]
  if (who === undefined) return el('span', { class: 'who' }, found?.label ?? 'an unknown key')
  return button(
    `${place} ${who.name}`,
    { class: 'who link', onClick: () => app.go({ view: 'people', who: who.name, path: undefined }, 'step') },
    who.name,
  )
}

/** Who signed something, in which role, with which key, and where that was found. */
export function claimList(app: App, claims: readonly PageClaim[], place: string): HTMLElement {
  if (claims.length === 0) return el('p', { class: 'none' }, 'No signature that counts.')
  const items = claims.map((claim, index) =>
    el(
      'li',
      { class: 'claim' },
      el('p', {}, signer(app, claim.key, `${place} ${index}`), el('span', { class: 'role' }, claim.role)),
      el(
        'p',
        { class: 'fine' },
        `key ${app.model.data.keys[claim.key]?.label ?? '?'}`,
        app.model.data.keys[claim.key]?.isRevoked ? ' (revoked)' : '',
        ` · found in ${claim.origin}`,
        claim.graph === undefined ? '' : ` · signed with the build graph of ${baseOf(claim.graph)}`,
      ),
    ),
  )
  return el('ul', { class: 'claims' }, ...items)
}

/** What to do next: a command looks like one. */
export function nextStep(step: string): HTMLElement {
  const isCommand = /^nix[a-z-]* /.test(step)
  return el('p', {}, el('b', {}, 'Next: '), el('span', isCommand ? { class: 'mono' } : {}, step))
}

/** A button that shows on the map what rests on something. */
export function onMap(app: App, on: string, paths: readonly number[]): HTMLElement | undefined {
  if (paths.length === 0) return undefined
  const isAll = app.state.isAll || paths.some(at => app.model.data.paths[at]?.isAsked === false)
  return button(
    `on ${on}`,
    {
      class: 'button',
      onClick: () => app.go({ ...WHOLE, view: 'map', on, isAll }, 'step'),
    },
    `Show ${counted(paths.length, 'path')} on the map`,
  )
}

/** Nothing that would hide some of the paths. */
const WHOLE = { query: '', standings: [], path: undefined, page: 0 } as const

/** A share as a bar, with nothing said: the number stands beside it. */
export function bar(share: number): HTMLElement {
  const inner = el('span', { class: 'bar-fill' })
  inner.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`
  return el('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } }, inner)
}
