/** What a policy would say of a line, asked of the policy language itself. */
import { parsePolicy } from '../../policy/language/parse.ts'
import { PolicyError } from '../../policy/language/policy-error.ts'

const REST = `version = 1
mode = "warn"
[default]
require = { source = "refuse", derivation = "nothing", output = "self" }
`

/**
 * Why a policy cannot have these tables (TOML), as the policy language says it; undefined if it
 * can. Safe to print.
 */
export function problemWith(tables: string): string | undefined {
  try {
    parsePolicy({
      toml: `${REST}${tables}`,
      file: 'policy.toml',
      directory: '/etc/nixsig',
      certificate: () => Buffer.alloc(0),
    })
    return undefined
  } catch (error) {
    if (error instanceof PolicyError) return error.problems[0].message.replace(/^[a-z][a-z0-9.[\]-]*: /, '')
    throw error
  }
}

/** A TOML string. JSON has the same syntax but for DEL, which no caller passes. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}
