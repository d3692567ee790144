/** What ends, in words. Escaped. */
import { whoWord, word } from '../policy/words.ts'
import type { Audit, Ending } from './audit.ts'

/**
 * The name of what ends, without an article: `key bo-1 of bo`, `list debian`, `exemption line 12`,
 * `respite (the cache is down)`. `label`: what the policy calls the key.
 */
export function endingName(
  { kind, what, who }: Pick<Ending, 'kind' | 'what' | 'who'>,
  label?: string,
): string {
  const whose = who === undefined ? '' : ` of ${whoWord(who)}`
  if (kind === 'respite') return what === '' ? kind : `${kind} (${word(what)})`
  return `${kind} ${word(label ?? what)}${whose}`
}

/** What the policy calls the keys of an audit that end; undefined of whatever else ends. */
export function labelsOfEnding({ keys }: Pick<Audit, 'keys'>): (ending: Ending) => string | undefined {
  const labels = new Map(keys.map(({ identity, label }) => [identity, label]))
  return ({ kind, what }) => (kind === 'key' ? labels.get(what) : undefined)
}
