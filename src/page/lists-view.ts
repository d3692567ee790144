/** What is refused and what to do; what ends; what is odd on the disk. */
import type { PageGroup } from '../report/page-shape.ts'
import type { App } from './app.ts'
import { bar, nextStep, onMap, pathLink, pathList } from './bits.ts'
import { el } from './dom.ts'
import { away, counted, day, number, size } from './words.ts'

export function refusedView(app: App): HTMLElement {
  const { groups } = app.model.data
  const words = app.state.query.toLowerCase().split(/\s+/).filter(Boolean)
  const found = groups.filter(({ code, title, paths }) =>
    words.every(
      word =>
        `${code} ${title}`.toLowerCase().includes(word) ||
        paths.some(at => app.model.texts[at]?.includes(word)),
    ),
  )
  if (found.length === 0)
    return el(
      'section',
      { class: 'card' },
      el('p', { class: 'none' }, groups.length === 0 ? 'Nothing is refused.' : 'No group matches.'),
    )
  return el('div', { class: 'stack' }, ...found.map((group, index) => groupCard(app, group, index)))
}

function groupCard(app: App, { code, title, next, paths }: PageGroup, index: number): HTMLElement {
  return el(
    'section',
    { class: 'card group', attributes: { 'aria-labelledby': `group-${index}` } },
    el('p', { class: 'count' }, number(paths.length), el('span', { class: 'unseen' }, ' paths')),
    el(
      'div',
      {},
      el('h2', { attributes: { id: `group-${index}` } }, title),
      nextStep(next),
      pathList(app, paths, `group ${index}`, 6),
      onMap(app, `group ${code} ${title}`, paths),
    ),
  )
}

export function endsView(app: App): HTMLElement {
  const { ends, exemptions, time } = app.model.data
  const endRows = ends.map(({ at, name, falls }) => [until(at, time), name, counted(falls.length, 'path')])
  const exemptRows = exemptions.map(({ line, reason, author, until: end, paths }) => [
    `line ${line}`,
    author === undefined ? reason : `${reason} (${author})`,
    until(end, time),
    counted(paths.length, 'path'),
  ])
  return el(
    'div',
    { class: 'stack' },
    section('Ends within 30 days', 'Nothing ends within 30 days.', ['On', 'What', 'Would fall'], endRows),
    section('Exemptions', 'There is no exemption.', ['Where', 'Why', 'Until', 'Rest on it'], exemptRows),
  )
}

/** A day, and how far away it is. */
function until(instant: number, now: number): HTMLElement {
  return el('span', {}, el('span', { class: 'number' }, day(instant)), ` (${away(instant, now)})`)
}

/** How many of each kind have a claim that counts, by role. */
export function sharesCard(shares: App['model']['data']['shares']): HTMLElement {
  const rows = shares.map(({ kind, role, signed, total }) =>
    el(
      'li',
      {},
      el('span', {}, `${kind}s signed by ${role}s`),
      bar(total === 0 ? 0 : signed / total),
      el('span', { class: 'number' }, `${number(signed)} of ${number(total)}`),
    ),
  )
  return el(
    'section',
    { class: 'card', attributes: { 'aria-label': 'Shares' } },
    el('h2', {}, 'How much is signed, and in which role'),
    rows.length === 0
      ? el('p', { class: 'none' }, 'Nothing was counted.')
      : el('ul', { class: 'shares' }, ...rows),
  )
}

export function diskView(app: App): HTMLElement {
  const { disk, paths } = app.model.data
  const differing = disk.differing.map(({ path, registered, found }) => [
    pathLink(app, path, 'differing'),
    registered,
    found,
  ])
  const missing = disk.missing.map(path => [pathLink(app, path, 'missing'), paths[path]?.path ?? ''])
  const unregistered = disk.unregistered.map(found => [
    found.name,
    found.size === undefined ? '' : size(found.size),
  ])
  return el(
    'div',
    { class: 'stack' },
    section(
      'Contents that differ',
      disk.wasRead
        ? 'All contents are what was registered.'
        : 'Contents were not read: nixsig audit --contents reads them.',
      ['Path', 'Registered', 'Found'],
      differing,
    ),
    section('Missing on the disk', 'Nothing is missing.', ['Path', 'Where it should be'], missing),
    section('Not in the database', 'Nothing lies there unregistered.', ['Name', 'Size'], unregistered),
    disk.isCut ? el('p', { class: 'fine' }, 'There is more than is listed here.') : undefined,
  )
}

function section(
  title: string,
  none: string,
  head: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  return el(
    'section',
    { class: 'card', attributes: { 'aria-label': title } },
    el('h2', {}, title),
    rows.length === 0 ? el('p', { class: 'none' }, none) : table(title, head, rows),
  )
}

/** A table that is wider than the page scrolls within itself. */
export function table(
  name: string,
  head: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  return el(
    'div',
    { class: 'scroll', attributes: { tabindex: '0', role: 'region', 'aria-label': `${name}: rows` } },
    el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...head.map(text => el('th', { attributes: { scope: 'col' } }, text)))),
      el('tbody', {}, ...rows.map(row => el('tr', {}, ...row.map(cell => el('td', {}, cell))))),
    ),
  )
}
