import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Command } from '../../src/cli/command.ts'
import { parseValues } from '../../src/cli/parse.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const command: Command = {
  arguments: { paths: { count: 'any number', text: 'Paths' } },
  options: {
    quiet: { kind: 'flag', text: 'Say nothing' },
    'no-contents': { kind: 'flag', text: 'Read nothing' },
    key: { kind: 'values', value: 'FILE', short: 'k', text: 'Keys' },
    name: { kind: 'value', value: 'NAME', text: 'A name' },
  },
  reads: [],
  examples: [],
  run: async () => 0,
}

/** What parsers of command lines are known to read as something else than text. */
const ODD = [
  '',
  '-',
  '--',
  '-x',
  '--quiet',
  '--key=x',
  '--no-contents',
  '-k',
  "'q'",
  '"q"',
  "'",
  '"a',
  '\\',
  'true',
  'false',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '1e3',
  '007',
  '-1',
  '0x10',
  ' a ',
  'a=b',
  'a\nb',
  'a.b',
  '_',
  '$0',
  '💥',
]
const text = fc.oneof(fc.constantFrom(...ODD), fc.string({ maxLength: 6 }))
const isDashed = (value: string) => /^-./.test(value)

/** Options of a call in one of the forms that they may have, and what they mean. */
const spelt = fc.oneof(
  fc.constantFrom('quiet', 'no-contents').map(flag => ({ words: [`--${flag}`], flag })),
  text.map(value => ({ words: [`--key=${value}`], key: value })),
  text.filter(value => !isDashed(value)).map(value => ({ words: ['--key', value], key: value })),
  text.filter(value => !isDashed(value)).map(value => ({ words: ['-k', value], key: value })),
  text.filter(value => !isDashed(value)).map(value => ({ words: [value], path: value })),
)
type Spelt = {
  readonly words: string[]
  readonly flag?: string
  readonly key?: string
  readonly path?: string
}

test('whatever a value or an argument looks like, it stays the text that was given', () => {
  fc.assert(
    fc.property(
      fc.array<Spelt>(spelt, { maxLength: 8 }),
      fc.array(text, { maxLength: 4 }),
      (parts, after) => {
        const given = parseValues('try', command, [...parts.flatMap(part => part.words), '--', ...after])
        const flags = parts.map(part => part.flag)
        assert.equal(given['quiet'], flags.includes('quiet'))
        assert.equal(given['no-contents'], flags.includes('no-contents'))
        assert.deepEqual(
          given['key'],
          parts.flatMap(part => part.key ?? []),
        )
        assert.deepEqual(given['paths'], [...parts.flatMap(part => part.path ?? []), ...after])
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a word after a flag is an argument, never the value of the flag', () => {
  for (const word of ['true', 'false', '1', '0', 'yes']) {
    const given = parseValues('try', command, ['--quiet', word])
    assert.deepEqual([given['quiet'], given['paths']], [true, [word]])
  }
})

test('what is not in the data of the command is refused by its name', () => {
  const refused: [string[], RegExp][] = [
    [['--nope'], /^unknown option --nope: see nixsig try --help$/],
    [['--no-quiet'], /^unknown option --no-quiet/],
    [['--Quiet'], /^unknown option --Quiet/],
    [['-q'], /^unknown option -q/],
    [['-kx'], /^unknown option -kx/],
    [['--__proto__'], /^unknown option --__proto__/],
    [['--quiet=true'], /^--quiet takes no value$/],
    [['--key'], /^--key needs a value: --key FILE$/],
    [['-k', '--quiet'], /^-k needs a value: -k FILE$/],
    [['--name', 'a', '--name=b'], /^--name is given more than once$/],
  ]
  for (const [words, message] of refused) {
    assert.throws(
      () => parseValues('try', command, words),
      error => error instanceof UsageError && message.test(error.message),
      words.join(' '),
    )
  }
})
