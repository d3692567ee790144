/**
 * A policy of a user's own, `$XDG_CONFIG_HOME/nixsig/policy.toml`: whom this person knows, beside
 * whom the machine trusts. Only the command line reads it, for users who are not root. What becomes
 * valid on the machine is judged by the machine's policy, whatever stands there.
 */
import { lstatSync } from 'node:fs'
import { ownPlaces } from '../files/own-places.ts'
import { printable } from '../primitives/printable.ts'
import type { Places } from '../verifier/places.ts'
import type { Command } from './command.ts'

/** The call: its command, its words without the command's name, and who hears a remark. */
interface Call {
  readonly command: Pick<Command, 'ownPolicy'>
  readonly words: readonly string[]
  readonly note: (text: string) => void
}

/**
 * The places with the user's own policy, if the call reads that one. Once the command asks for it,
 * a remark says that it is used. Root's HOME may be another user's (sudo), so that root has none.
 */
export function withOwnPolicy(places: Places, { command, words, note }: Call): Places {
  const { ownPolicy } = command
  if (ownPolicy === undefined || process.geteuid?.() === 0 || namesPolicy(words)) return places
  const own = ownPlaces().policy
  if (!isThere(own) || (ownPolicy === 'without-another' && isThere(places.policy))) return places
  let isSaid = false
  return {
    ...places,
    get policy() {
      const other = isThere(places.policy) ? ` (the machine's: --policy ${places.policy})` : ''
      if (!isSaid) note(`nixsig: by your own policy, ${printable(own)}${other}`)
      isSaid = true
      return own
    },
  }
}

/** Whether a call names a policy. Values never look like options (parse.ts). */
function namesPolicy(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  const options = end < 0 ? words : words.slice(0, end)
  return options.some(each => each === '--policy' || each.startsWith('--policy='))
}

function isThere(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    // Whoever reads it meets the same, and says what it is.
    return true
  }
}
