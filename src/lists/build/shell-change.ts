/** Changes that a shell makes to a variable's value, of those whose outcome can be told without a shell. */

export type Change =
  | { readonly kind: 'lower' | 'upper' }
  | { readonly kind: 'first' | 'all'; readonly from: string; readonly to: string }
  | { readonly kind: 'start' | 'end'; readonly cut: string }

/** Nothing in it means more than itself, be it to a pattern or to a shell. */
const LITERAL = '[0-9A-Za-z._+ -]'
const REPLACED = new RegExp(`^/(/?)(${LITERAL}{1,40})(?:/(${LITERAL}{0,40}))?$`)
const CUT = new RegExp(`^(##?|%%?)(${LITERAL}{1,40})$`)

/**
 * What stands between a name and the brace: `,,`, `^^`, `/a/b`, `//a/b`, `#a` and `%a`, each with literal text
 * alone. Undefined for all others.
 */
export function changeOf(written: string): Change | undefined {
  if (written === ',,') return { kind: 'lower' }
  if (written === '^^') return { kind: 'upper' }
  const [replaced, often, from = '', to = ''] = REPLACED.exec(written) ?? []
  if (replaced !== undefined) return { kind: often === '' ? 'first' : 'all', from, to }
  const [, sign, cut = ''] = CUT.exec(written) ?? []
  return sign === undefined ? undefined : { kind: sign.startsWith('#') ? 'start' : 'end', cut }
}

/** A changed value; `*` where what is not known of it could decide. */
export function changed(value: string, change: Change): string {
  if (change.kind === 'lower') return value.toLowerCase()
  if (change.kind === 'upper') return value.toUpperCase()
  if (value.includes('*')) return '*'
  switch (change.kind) {
    case 'first':
      return value.replace(change.from, () => change.to)
    case 'all':
      return value.replaceAll(change.from, () => change.to)
    case 'start':
      return value.startsWith(change.cut) ? value.slice(change.cut.length) : value
    case 'end':
      return value.endsWith(change.cut) ? value.slice(0, -change.cut.length) : value
  }
}
