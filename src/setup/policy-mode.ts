/**
 * Switches between `mode = "enforce"` and `mode = "warn"` in the text of a policy, changing nothing
 * else.
 */
import { locate } from '../policy/language/locate.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import type { Policy } from '../policy/policy.ts'

/** A policy, and its text with another mode. */
export interface ModeChange {
  readonly policy: Policy
  /** The same as the source's text if it has that mode already. */
  readonly toml: string
}

/**
 * Puts another mode into a policy, keeping comments and everything else. The result is parsed like
 * any policy before it is returned. Throws PolicyError if the source is not a valid policy or does
 * not write its mode as `mode = "…"`.
 */
export function changeMode(source: PolicySource, mode: Policy['mode']): ModeChange {
  const policy = parsePolicy(source)
  if (policy.mode === mode) return { policy, toml: source.toml }
  const { offset, line } = locate(source.toml)(['mode'])
  const value = /^(?:"[a-z]+"|'[a-z]+')(?=[ \t]*(?:#|\r?\n|$))/.exec(source.toml.slice(offset))?.[0]
  if (value !== `"${policy.mode}"` && value !== `'${policy.mode}'`) {
    throw new PolicyError(source.file, [
      { line, message: `write this line as mode = "${policy.mode}", so that it can be changed` },
    ])
  }
  const toml = `${source.toml.slice(0, offset)}"${mode}"${source.toml.slice(offset + value.length)}`
  const changed = parsePolicy({ ...source, toml })
  if (changed.mode !== mode)
    throw new PolicyError(source.file, [{ line, message: 'its mode cannot be changed' }])
  return { policy, toml }
}
