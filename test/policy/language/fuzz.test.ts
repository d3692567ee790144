import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { sourceOf } from '../policies.ts'

const { toml: TEXT, ...REST } = sourceOf(
  readFileSync(join(PROJECT_ROOT, 'test/vectors/policy/everything.toml'), 'utf8'),
)
const LINES = TEXT.split('\n').length
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/**
 * A text is either a valid policy or refused properly: with lines that exist, and nothing
 * unescaped.
 */
function readsOrRefuses(toml: string): void {
  try {
    parsePolicy({ ...REST, toml })
  } catch (error) {
    assert.ok(error instanceof PolicyError, String((error as Error).stack))
    for (const { line, message } of error.problems) {
      assert.ok(line >= 1 && line <= toml.split('\n').length)
      assert.doesNotMatch(message, UNSAFE)
    }
  }
}

test('a policy with some characters replaced is valid or refused properly', () => {
  const junk = fc.string({
    unit: fc.constantFrom(
      '"',
      "'",
      '[',
      ']',
      '{',
      '}',
      '=',
      '.',
      ',',
      '\n',
      '#',
      '\\',
      '\u001b',
      '1',
      'a',
      '\u202e',
    ),
    maxLength: 4,
  })
  const edit = fc.tuple(fc.nat(TEXT.length), fc.nat(6), junk)
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), edits => {
      const toml = edits.reduce(
        (text, [at, length, by]) => text.slice(0, at) + by + text.slice(at + length),
        TEXT,
      )
      readsOrRefuses(toml)
    }),
    { numRuns: 1500 },
  )
})

test('a policy with a line left out, repeated or moved is valid or refused properly', () => {
  fc.assert(
    fc.property(fc.nat(LINES - 1), fc.nat(LINES - 1), fc.boolean(), (from, to, keep) => {
      const lines = TEXT.split('\n')
      const [line = ''] = keep ? lines.slice(from, from + 1) : lines.splice(from, 1)
      lines.splice(to, 0, line)
      readsOrRefuses(lines.join('\n'))
    }),
    { numRuns: 500 },
  )
})

test('a policy that is cut off anywhere is valid or refused properly', () => {
  for (let end = 0; end < TEXT.length; end += 7) readsOrRefuses(TEXT.slice(0, end))
})
