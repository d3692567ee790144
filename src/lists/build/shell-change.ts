/**
 * Changes that a shell makes to a variable's value, of those whose outcome can be told without a
 * shell.
 */

export type Change =
  | { readonly kind: 'lower' | 'upper' }
  | Replacement
  | { readonly kind: 'start' | 'end'; readonly cut: string }

interface Replacement {
  readonly kind: 'first' | 'all'
  readonly from: string
  readonly to: string
}

/** Nothing in it means more than itself, be it to a pattern or to a shell. */
const LITERAL = '[0-9A-Za-z._+ -]'
const REPLACED = new RegExp(`^/(/?)(${LITERAL}{1,40})(?:/(${LITERAL}{0,40}))?$`)
const CUT = new RegExp(`^(##?|%%?)(${LITERAL}{1,40})$`)

/**
 * What stands between a name and the brace: `,,`, `^^`, `/a/b`, `//a/b`, `#a` and `%a`, each with
 * literal text alone. Undefined for all others.
 */
export function changeOf(written: string): Change | undefined {
  if (written === ',,') return { kind: 'lower' }
  if (written === '^^') return { kind: 'upper' }
  const [replaced, often, from = '', to = ''] = REPLACED.exec(written) ?? []
  if (replaced !== undefined) return { kind: often === '' ? 'first' : 'all', from, to }
  const [, sign, cut = ''] = CUT.exec(written) ?? []
  return sign === undefined ? undefined : { kind: sign.startsWith('#') ? 'start' : 'end', cut }
}

/**
 * A changed value, in which `*` stands for what is not known. `*` alone if a change could reach
 * from there into what is known.
 */
export function changed(value: string, change: Change): string {
  switch (change.kind) {
    case 'lower':
      return value.toLowerCase()
    case 'upper':
      return value.toUpperCase()
    case 'start':
      return cutAtStart(value, change.cut)
    case 'end':
      return reversed(cutAtStart(reversed(value), reversed(change.cut)))
    default:
      return replaced(value, change)
  }
}

/** What a star stands for takes up whatever is cut off it. */
function cutAtStart(value: string, cut: string): string {
  const [known = ''] = value.split('*', 1)
  if (known.startsWith(cut)) return value.slice(cut.length)
  return known !== '' && known !== value && cut.startsWith(known) ? '*' : value
}

function replaced(value: string, { kind, from, to }: Replacement): string {
  const [first = '', ...others] = value.split('*')
  if (isAcross([first, ...others], from)) return '*'
  const inAll = (text: string) => text.replaceAll(from, () => to)
  if (kind === 'all') return [first, ...others].map(inAll).join('*')
  if (first.includes(from)) return [first.replace(from, () => to), ...others].join('*')
  // Whether it comes before, in what is not known, nobody can tell.
  return others.some(each => each.includes(from)) ? `${first}*` : value
}

/** Whether a text could begin in one of these runs and end beyond, or begin before it. */
function isAcross(runs: readonly string[], text: string): boolean {
  if (runs.length < 2) return false
  const parts = Array.from({ length: text.length - 1 }, (_, at) => at + 1)
  return runs.some((run, index) =>
    parts.some(
      at =>
        (index < runs.length - 1 && run.endsWith(text.slice(0, at))) ||
        (index > 0 && run.startsWith(text.slice(at))),
    ),
  )
}

function reversed(text: string): string {
  return [...text].reverse().join('')
}
