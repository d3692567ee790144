import { ignoresCase } from '../../formats/locks/input-url.ts'
import type { OddPin } from '../../formats/locks/locked-input.ts'
import { commonGlob } from '../../policy/glob-intersection.ts'
import { matchesGlob } from '../../policy/match.ts'
import type { InputRule, Policy } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { InputVerdict } from './input-verdict.ts'

/**
 * Judges what cannot be read: it passes if every rule that may be meant for it requires nothing,
 * and, unless the lock has its NAR hash, accepts what is unlocked.
 */
export function judgeOdd(
  policy: Policy,
  { urls, problem, isHashed }: OddPin,
): Pick<InputVerdict, 'url' | 'rule' | 'findings'> {
  const { rules, areAll } = rulesFor(policy, urls)
  const lets = ({ require, acceptUnlocked }: InputRule) =>
    require.kind === 'nothing' && (isHashed || acceptUnlocked)
  const against = rules.find(rule => !lets(rule))
  const url = urls.includes('*') ? '' : urls
  if (against === undefined && areAll) return { url, rule: rules.at(-1)?.title ?? '', findings: [] }
  const what = isHashed ? 'requires "nothing"' : 'requires "nothing" and has accept-unlocked'
  const next = `lock it again with the tool that it belongs to, or have each rule of [[inputs]] that may match ${printable(urls, 200)} say that it ${what}`
  const message = `${problem}: ${next}`
  return {
    url,
    rule: against?.title ?? 'none of [[inputs]]',
    findings: [{ code: 'unreadable', message, status: 20 }],
  }
}

/** The rules that may decide about one of these URLs. `areAll`: one of them does in any case. */
function rulesFor(
  { inputs }: Policy,
  urls: string,
): { readonly rules: readonly InputRule[]; readonly areAll: boolean } {
  const form = ignoresCase(urls) ? (text: string) => text.toLowerCase() : (text: string) => text
  const isCertain = ({ url }: InputRule) => !url.includes('?') && matchesGlob(form(url), form(urls))
  const last = inputs.findIndex(isCertain)
  const first = last < 0 ? inputs : inputs.slice(0, last + 1)
  const rules = first.filter(({ url }) => commonGlob(url.toLowerCase(), urls.toLowerCase()) !== undefined)
  return { rules, areAll: last >= 0 }
}
