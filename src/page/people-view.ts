/** Whom the closure depends on: principals and their keys, by what would fall without them. */
import type { PageKey, PagePrincipal } from '../report/page-shape.ts'
import type { App } from './app.ts'
import { bar, onMap, pathList } from './bits.ts'
import { button, el } from './dom.ts'
import { sharesCard } from './lists-view.ts'
import { away, counted, day, number } from './words.ts'

export function peopleView(app: App): HTMLElement {
  const { principals } = app.model.data
  const words = app.state.query.toLowerCase().split(/\s+/).filter(Boolean)
  const found = principals
    .map((principal, at) => ({ principal, at }))
    .filter(({ principal }) => {
      const text = `${principal.name} ${principal.list ?? ''} ${principal.roles.join(' ')}`.toLowerCase()
      return words.every(word => text.includes(word))
    })
    .sort((a, b) => b.principal.falls.length - a.principal.falls.length)
  const chosen = found.find(({ principal }) => principal.name === app.state.who) ?? found[0]
  if (chosen === undefined)
    return el(
      'section',
      { class: 'card' },
      el(
        'p',
        { class: 'none' },
        principals.length === 0 ? 'Nothing here rests on anybody.' : 'No principal matches.',
      ),
    )
  return el('div', { class: 'stack' }, people(app, found, chosen), sharesCard(app.model.data.shares))
}

interface Found {
  readonly principal: PagePrincipal
  readonly at: number
}

/** How many principals are listed at once. */
const SHOWN = 300

function people(app: App, found: readonly Found[], chosen: Found): HTMLElement {
  const all = app.model.data.paths.filter(path => path.isAsked).length
  return el(
    'div',
    { class: 'split' },
    el(
      'section',
      { class: 'card', attributes: { 'aria-labelledby': 'people-title' } },
      el('h2', { attributes: { id: 'people-title' } }, 'On whom it rests'),
      el('p', { class: 'fine' }, 'By how many paths would fall without them.'),
      el(
        'ul',
        { class: 'people' },
        ...found
          .slice(0, SHOWN)
          .map(({ principal }) => person(app, principal, { isChosen: principal === chosen.principal, all })),
      ),
      found.length > SHOWN
        ? el('p', { class: 'fine' }, `${number(found.length - SHOWN)} more: search for them.`)
        : undefined,
    ),
    about(app, chosen.principal, chosen.at),
  )
}

/** `all`: how many paths were asked for. */
function person(
  app: App,
  principal: PagePrincipal,
  { isChosen, all }: { readonly isChosen: boolean; readonly all: number },
): HTMLElement {
  return el(
    'li',
    {},
    button(
      `person ${principal.name}`,
      {
        class: 'person',
        attributes: { 'aria-pressed': String(isChosen) },
        onClick: () => app.go({ who: principal.name }, 'step'),
      },
      el('span', { class: 'person-name' }, principal.name),
      el('span', { class: 'number' }, counted(principal.falls.length, 'path')),
      bar(principal.falls.length / Math.max(1, all)),
    ),
  )
}

function about(app: App, principal: PagePrincipal, at: number): HTMLElement {
  const { paths, keys } = app.model.data
  const bySize = [...principal.falls].sort((a, b) => (paths[b]?.size ?? 0) - (paths[a]?.size ?? 0))
  const theirs = principal.keys.flatMap(key => {
    const found = keys[key]
    return found === undefined ? [] : [found]
  })
  return el(
    'section',
    { class: 'card', attributes: { 'aria-labelledby': 'person-title' } },
    el('h2', { attributes: { id: 'person-title' } }, principal.name),
    el(
      'p',
      {},
      ...principal.roles.map(role => el('span', { class: 'role' }, role)),
      principal.list === undefined
        ? undefined
        : el('span', { class: 'fine' }, ` from the list ${principal.list}`),
    ),
    el(
      'p',
      { class: 'big' },
      principal.falls.length === 0
        ? 'Nothing would fall without them: others vouch as well.'
        : `${counted(principal.falls.length, 'path')} would fall without them.`,
    ),
    onMap(app, `who ${principal.name}`, principal.falls),
    el('h3', {}, theirs.length === 1 ? 'Key' : 'Keys'),
    theirs.length === 0
      ? el('p', { class: 'none' }, 'No key of theirs was met here.')
      : el('ul', { class: 'keys' }, ...theirs.map(key => keyItem(app, key))),
    principal.falls.length === 0 ? undefined : el('h3', {}, 'What rests on them'),
    principal.falls.length === 0 ? undefined : pathList(app, bySize, `rests ${at}`, 10),
  )
}

function keyItem(app: App, key: PageKey): HTMLElement {
  const { time } = app.model.data
  const ends =
    key.until === undefined ? 'does not end' : `ends on ${day(key.until)} (${away(key.until, time)})`
  return el(
    'li',
    {},
    el(
      'p',
      {},
      el('b', {}, key.label),
      key.isRevoked ? el('span', { class: 'standing is-refused' }, 'Revoked') : undefined,
    ),
    el('p', { class: 'mono fine' }, key.identity),
    el('p', { class: 'fine' }, `${ends}; ${counted(key.falls.length, 'path')} would fall without this key`),
    onMap(app, `key ${key.identity}`, key.falls),
  )
}
