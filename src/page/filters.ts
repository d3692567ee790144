/** What narrows the map and the table down, above them. */
import type { App } from './app.ts'
import { button, el } from './dom.ts'
import { STANDING_WORDS, STANDINGS } from './model.ts'
import { restingOn } from './select.ts'
import { AREAS, GROUPINGS, type State } from './state.ts'
import { counted, number } from './words.ts'

/** Filters of the map and the table; other views have none. */
export function filters(app: App): readonly (HTMLElement | undefined)[] {
  const { state, model } = app
  if ((state.view !== 'map' && state.view !== 'table') || model.data.paths.length === 0) return []
  const resting = restingOn(model, state.on)
  const counts = new Map(STANDINGS.map(standing => [standing as string, 0]))
  for (const path of model.data.paths)
    if (path.isAsked || state.isAll) counts.set(path.standing, (counts.get(path.standing) ?? 0) + 1)
  const shown = new Map([...counts].filter(([, count]) => count > 0))
  return [
    legend(app, shown),
    state.view === 'map'
      ? choice(app, 'Group by', 'grouping', GROUPINGS, {
          standing: 'verdict',
          signer: 'signer',
          kind: 'kind',
        })
      : undefined,
    state.view === 'map'
      ? choice(app, 'Area', 'area', AREAS, { size: 'size', number: 'all alike' })
      : undefined,
    model.data.paths.every(path => path.isAsked)
      ? undefined
      : button(
          'all',
          {
            class: 'chip',
            attributes: { 'aria-pressed': String(state.isAll) },
            onClick: () => app.go({ isAll: !state.isAll, page: 0 }, 'quietly'),
          },
          'With what it was made of',
        ),
    resting === undefined
      ? undefined
      : button(
          'on',
          { class: 'chip is-on', onClick: () => app.go({ on: undefined, page: 0 }, 'step') },
          `Only ${resting.title}`,
          el('span', { attributes: { 'aria-hidden': 'true' } }, ' ×'),
          el('span', { class: 'unseen' }, ' (take this filter away)'),
        ),
    app.selection.isNarrowed
      ? el('span', { class: 'fine' }, counted(app.selection.count, 'path'))
      : undefined,
  ]
}

function choice<F extends 'grouping' | 'area'>(
  app: App,
  label: string,
  field: F,
  choices: readonly State[F][],
  names: Readonly<Record<State[F], string>>,
): HTMLElement {
  const select = el('select', { attributes: { 'data-key': field, id: field } })
  for (const value of choices) {
    const option = el('option', { attributes: { value } }, names[value])
    option.selected = app.state[field] === value
    select.append(option)
  }
  select.addEventListener('change', () => {
    const chosen = choices.find(value => value === select.value)
    if (chosen !== undefined) app.go({ [field]: chosen } as Partial<State>, 'quietly')
  })
  return el('label', { class: 'choice', attributes: { for: field } }, `${label} `, select)
}

/** The key to the colours; each is a filter as well. */
function legend(app: App, counts: ReadonlyMap<string, number>): HTMLElement {
  const { standings } = app.state
  const items = [...counts].map(([standing, count]) => {
    const known = standing as App['state']['standings'][number]
    const isOn = standings.includes(known)
    const next = isOn ? standings.filter(other => other !== known) : [...standings, known]
    return button(
      `show ${standing}`,
      {
        class: 'chip',
        attributes: { 'aria-pressed': String(isOn) },
        onClick: () => app.go({ standings: next, page: 0 }, 'quietly'),
      },
      el('span', { class: `swatch is-${standing}`, attributes: { 'aria-hidden': 'true' } }),
      `${STANDING_WORDS[known]} `,
      el('b', {}, number(count)),
    )
  })
  return el(
    'div',
    { class: 'legend', attributes: { role: 'group', 'aria-label': 'Filter by verdict' } },
    ...items,
  )
}
