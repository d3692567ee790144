import type { Key } from '../../policy/policy.ts'
import { word } from '../../policy/words.ts'
import type { CheckedSource } from './checked-source.ts'
import { readSeenKeys, rememberKey } from './seen-keys.ts'

/**
 * Whether a key that was never seen here is the developer's: the key, as it is shown, to somebody's
 * answer. `not-asked`: the caller wants no questions; `nobody`: there is nobody to ask.
 */
export type AskAbout = (shown: string) => Promise<'yes' | 'no' | 'not-asked' | 'nobody'>

/**
 * Asks about each key that signed something, is not in the trusted list and was never accepted here
 * before. What only keys signed that were not accepted becomes `doubtful`.
 */
export async function acceptNewKeys(
  checked: readonly CheckedSource[],
  listed: readonly Key[],
  askAbout: AskAbout,
): Promise<readonly CheckedSource[]> {
  const known = new Set([...listed.map(({ identity }) => identity), ...readSeenKeys()])
  const signers = checked.flatMap(({ state, results }) => (state === 'signed' ? goodKeys(results) : []))
  const refused = new Map<string, string>()
  for (const key of new Map(signers.map(signer => [signer.identity, signer])).values()) {
    if (known.has(key.identity)) continue
    const why = await whyNot(key, askAbout)
    if (why === undefined) rememberKey(key)
    else refused.set(key.identity, why)
  }
  return checked.map(each => without(each, refused))
}

async function whyNot(key: Key, askAbout: AskAbout): Promise<string | undefined> {
  const shown = `${key.identity} (${word(key.label)})`
  switch (await askAbout(shown)) {
    case 'yes':
      return undefined
    case 'no':
      return `${shown} is new here, and was not accepted`
    case 'not-asked':
      return `${shown} is new here, and --yes accepts no new key: run once without it, or list the key in the policy`
    case 'nobody':
      return `${shown} is new here, and there is no terminal to ask on: list it in the policy`
  }
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
