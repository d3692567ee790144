import { strict as assert } from 'node:assert'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { PolicyError } from '../../src/policy/language/policy-error.ts'
import { blocksOf } from '../../src/setup/init/blocks.ts'
import { sourceOf, withKeys } from '../../test/policy/policies.ts'
import { vectors } from '../seeds.ts'
import { assertFit, type Target, textOf } from '../target.ts'

const SEEDS = [...vectors('policy', '.toml'), ...vectors('policy/wrong', '.toml')].map(([, bytes]) =>
  Buffer.from(withKeys(textOf(bytes))),
)

const TOKENS: readonly string[] = [
  ...[
    '[[rules]]\n',
    '[default]\n',
    '[groups.x]\n',
    '[principals.x]\n',
    '[[exemptions]]\n',
    '[[revocations]]\n',
    '[nix]\n',
    'version = 1\n',
  ],
  ...[
    'name',
    'match',
    'kind',
    'require',
    'source',
    'derivation',
    'output',
    'threshold',
    'members',
    'keys',
    'valid-until',
    'self',
  ],
  ...[
    '"""',
    "'''",
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
    '=',
    '.',
    ',',
    '#',
    '\n',
    '\r',
    '\\u202e',
    '\\',
    '__proto__',
    'constructor',
    '""',
  ],
  ...[
    '2026-01-01',
    '2026-01-01T00:00:00Z',
    '07:32:00',
    '1979-02-30',
    '1e3',
    'inf',
    'nan',
    '0x1f',
    '1_000',
    'true',
    '[[[[[[[[[[[[[[[[[',
  ],
]

/** policy.toml. Reports many errors at once, each with a line; there is no printer for policies. */
export const POLICY: Target = {
  name: 'policy',
  seeds: SEEDS,
  tokens: TOKENS,
  check: input => {
    const toml = textOf(input)
    try {
      const policy = parsePolicy({ ...sourceOf(''), toml })
      assert.match(policy.digest, /^[0-9a-f]{64}$/)
      assert.ok(policy.mode === 'enforce' || policy.mode === 'warn')
      const { preamble, blocks } = blocksOf(toml)
      assert.equal(preamble + blocks.map(({ text }) => text).join(''), toml)
      return 'accepted'
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
      return refusalOf(error, toml.split('\n').length)
    }
  },
}

/**
 * The first problem, without quotations. Throws unless each problem has an existing line and a safe
 * message.
 */
function refusalOf({ problems }: PolicyError, lines: number): string {
  for (const { line, message } of problems) {
    assert.ok(Number.isInteger(line) && line >= 1 && line <= lines, `line ${line} of ${lines}`)
    assertFit(message)
  }
  const [{ message }] = problems
  return message
    .replace(/^[^ ]*: /, '')
    .replace(/"[^"]*"/g, '""')
    .replace(/\d+/g, '0')
}
