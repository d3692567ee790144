import type { Settings } from '../nix-config/settings.ts'
import { itemsOf, truthOf } from '../nix-config/settings.ts'
import { printable } from '../primitives/printable.ts'
import { about, closed, type Finding, open, worst } from './door.ts'
import type { Facts, View } from './facts.ts'

/** The worst finding over all Nix views of this machine; names the view where they differ. */
export function inEachView(
  { views }: Pick<Facts, 'views'>,
  judge: (settings: Settings, view: View) => Finding,
): Finding {
  const findings = views.map(view => ({ view, finding: about(view.settings, value => judge(value, view)) }))
  const [first, ...rest] = findings
  if (first === undefined) return open('no Nix was found')
  const isSame = rest.every(
    ({ finding }) => finding.state === first.finding.state && finding.detail === first.finding.detail,
  )
  if (isSame) return first.finding
  const named = ({ view, finding }: typeof first): Finding => ({
    ...finding,
    detail: `${view.who}: ${finding.detail}`,
  })
  return worst([named(first), ...rest.map(named)])
}

/** A setting as nix.conf writes it; safe to print. */
export function shown(settings: Settings, name: string): string {
  const value = settings.get(name)
  return value === undefined ? `${name} is not known to this Nix` : `${name} = ${printable(value)}`.trimEnd()
}

/** A door that is closed while a boolean setting has this value. */
export function wants(name: string, truth: boolean): (facts: Facts) => Finding {
  return facts =>
    inEachView(facts, settings => (truthOf(settings, name) === truth ? closed : open)(shown(settings, name)))
}

/** A door that is closed while a list has no item for which `isHole` is true. */
export function wantsNone(name: string, isHole: (item: string) => boolean): (facts: Facts) => Finding {
  return facts =>
    inEachView(facts, settings => {
      const holes = itemsOf(settings, name).filter(isHole)
      return holes.length === 0 ? closed(shown(settings, name)) : open(`${name} has ${list(holes)}`)
    })
}

/** Items as one text; safe to print. */
export function list(items: readonly string[]): string {
  return items.map(item => printable(item)).join(', ')
}
