/** Changes between `mode = "enforce"` and `mode = "warn"` in a policy's own text, in which nothing else changes. */
import { locate } from '../policy/language/locate.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import type { Policy } from '../policy/policy.ts'

/** A policy, and its text with the other mode. */
export interface ModeChange {
  readonly policy: Policy
  /** The same as the source's if that is its mode already. */
  readonly toml: string
}

/**
 * Puts another mode into a policy, comments and all else kept. What comes of it is read as any policy before it is
 * returned. Throws PolicyError if the source is no policy, or writes its mode in a way that is not `mode = "…"`.
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
