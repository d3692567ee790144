import type { Key } from '../../policy/policy.ts'
import { word } from '../../policy/words.ts'
import type { CheckedSource } from './checked-source.ts'
import { ask, readSeenKeys, rememberKey } from './seen-keys.ts'

/**
 * Asks about each key that signed something, is not of the trusted list and was never accepted here before. What only a
 * key signed that nobody accepted is `doubtful` then. `yes`: asks nothing, and accepts none.
 */
export async function acceptNewKeys(
  checked: readonly CheckedSource[],
  listed: readonly Key[],
  { yes }: { readonly yes: boolean },
): Promise<readonly CheckedSource[]> {
  const known = new Set([...listed.map(({ identity }) => identity), ...readSeenKeys()])
  const signers = checked.flatMap(({ state, results }) => (state === 'signed' ? goodKeys(results) : []))
  const refused = new Map<string, string>()
  for (const key of new Map(signers.map(signer => [signer.identity, signer])).values()) {
    if (known.has(key.identity)) continue
    const why = await whyNot(key, yes)
    if (why === undefined) rememberKey(key)
    else refused.set(key.identity, why)
  }
  return checked.map(each => without(each, refused))
}

async function whyNot(key: Key, yes: boolean): Promise<string | undefined> {
  const shown = `${key.identity} (${word(key.label)})`
  if (yes)
    return `${shown} is new here, and --yes takes no new key: run once without it, or list the key in the policy`
  const answer = await ask(`${shown} was never seen here before. Is it the developer's?`)
  if (answer === undefined)
    return `${shown} is new here, and there is no terminal to ask on: list it in the policy`
  return answer ? undefined : `${shown} is new here, and was not accepted`
}

function without(checked: CheckedSource, refused: ReadonlyMap<string, string>): CheckedSource {
  if (checked.state !== 'signed') return checked
  const results = checked.results.filter(({ key }) => !refused.has(key.identity))
  const reasons = goodKeys(checked.results).flatMap(({ identity }) => refused.get(identity) ?? [])
  const notes = [...reasons, ...checked.notes]
  if (goodKeys(results).length > 0) return { ...checked, results, notes }
  return { ...checked, state: 'doubtful', status: 11, results, notes }
}

function goodKeys(results: CheckedSource['results']): readonly Key[] {
  return results.filter(({ outcome }) => outcome === 'good').map(({ key }) => key)
}
