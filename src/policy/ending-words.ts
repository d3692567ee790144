/** What ended in a policy as text. All names are escaped. */
import type { Ended, Ending } from './endings.ts'
import type { Exemption } from './policy.ts'
import { list, pathWord, when, whoWord, word } from './words.ts'

const NAMES = 4

/** One line: what has no effect any more, since when, and what to do. */
export function endingWords(ending: Ending): string {
  if (ending.code === 'exemption-over') {
    const { exemption, line } = ending
    return `the exemption at line ${line} (${matched(exemption)}) is over since ${when(exemption.until)}, so it lets nothing pass; take it out, or give it a later end`
  }
  const { title, line, aspect, demanded, ended } = ending
  const key = aspect === 'expression' ? 'require' : `require.${aspect}`
  return `rule "${word(title)}" (line ${line}) can be met by nobody: ${key} needs ${whoWord(demanded)}, and ${list(ended.map(endedWords), NAMES)}; list newer keys, or name somebody else`
}

function matched({ match }: Exemption): string {
  return 'path' in match ? pathWord(match.path) : word(match.name)
}

function endedWords({ who, standing }: Ended): string {
  return standing.code === 'revoked'
    ? `all keys of ${word(who)} are revoked (since ${when(standing.since)})`
    : `all keys of ${word(who)} have ended (${when(standing.at)})`
}
