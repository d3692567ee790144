/** What is printed below the head: tables in the place of what can only be looked at on a screen. */

import { el } from './dom.ts'
import { table } from './lists-view.ts'
import type { Model } from './model.ts'
import { STANDING_WORDS } from './model.ts'
import { day, number } from './words.ts'

/** Paper ends somewhere: about forty pages. */
const ROWS = 1500

export function printView({ data }: Model): HTMLElement {
  const bad = data.paths.filter(({ standing }) => standing === 'refused' || standing === 'undecided')
  const refused = bad
    .slice(0, ROWS)
    .map(path => [path.path, STANDING_WORDS[path.standing], path.message ?? path.rule])
  const groups = data.groups.map(({ title, next, paths }) => [number(paths.length), title, next])
  const people = [...data.principals]
    .sort((a, b) => b.falls.length - a.falls.length)
    .slice(0, 200)
    .map(({ name, roles, falls }) => [name, roles.join(', '), number(falls.length)])
  const ends = data.ends.map(({ at, name, falls }) => [day(at), name, number(falls.length)])
  return el(
    'div',
    { class: 'print' },
    ...part('What is refused, and what to do', ['Paths', 'What is missing', 'Next'], groups),
    ...part('On whom it rests', ['Principal', 'Roles', 'Would fall without them'], people),
    ...part('Ends within 30 days', ['On', 'What', 'Would fall'], ends),
    ...part('Refused and undecided paths', ['Path', 'Verdict', 'Why'], refused),
    bad.length > ROWS ? el('p', {}, `${number(bad.length - ROWS)} more are not printed.`) : undefined,
  )
}

function part(title: string, head: readonly string[], rows: readonly (readonly string[])[]): Node[] {
  return rows.length === 0 ? [] : [el('h2', {}, title), table(title, head, rows)]
}
