// needs: dist
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { GLOBAL_OPTIONS } from '../../src/cli/command.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { distance, suggestions } from '../../src/cli/suggest.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const SHOWN = COMMANDS.filter(({ isHidden }) => !isHidden)

/** A word with one slip of the fingers. */
function slipIn(word: string, at: number, kind: 'left out' | 'twice' | 'swapped' | 'other'): string {
  const index = at % word.length
  const [before, one, after] = [word.slice(0, index), word[index] ?? '', word.slice(index + 1)]
  if (kind === 'left out') return before + after
  if (kind === 'twice') return before + one + one + after
  if (kind === 'other') return `${before}x${after}`
  return before + (after[0] ?? '') + one + after.slice(1)
}

const slip = fc.constantFrom('left out', 'twice', 'swapped', 'other' as const)

test('any command or option of four letters or more is found again after one slip', async () => {
  const words = [...new Set(SHOWN.flatMap(({ name }) => name.split(' ')))]
  const options = await Promise.all(SHOWN.map(async ({ load }) => Object.keys((await load()).options)))
  const sets = [words, ...options.map(names => [...names, ...Object.keys(GLOBAL_OPTIONS)])]
  for (const known of sets) {
    const shown = new Map(known.map(name => [name, name]))
    fc.assert(
      fc.property(
        fc.constantFrom(...known.filter(word => word.length >= 4)),
        fc.nat(),
        slip,
        (word, at, kind) => {
          const typed = slipIn(word, at, kind as never)
          if (known.includes(typed)) return
          const found = suggestions(typed, shown)
          // Two others may be as near, as sync and sign are to "sn".
          assert.ok(found.includes(word) || found.length === 2, `${typed}: ${found.join(', ')}, not ${word}`)
        },
      ),
      { numRuns: 300 },
    )
  }
})

test('what resembles nothing gets no suggestion', () => {
  const known = new Map(SHOWN.map(({ name }) => [name, name]))
  for (const word of [
    '',
    'x',
    'frobnicate',
    'z'.repeat(10_000),
    '__proto__',
    'constructor',
    '--',
    '\u001b[2J',
  ])
    assert.deepEqual(suggestions(word, known), [], word)
  assert.equal(distance('verfiy', 'verify'), 1)
  assert.equal(distance('', 'abc'), 3)
})

const CALLS: readonly (readonly [words: readonly string[], answer: RegExp])[] = [
  [
    ['verfiy', './result'],
    /^nixsig: unknown command "verfiy": did you mean nixsig verify\? nixsig --help lists them\n$/,
  ],
  [
    ['policy', 'chek'],
    /unknown command "policy chek": did you mean nixsig policy check\? nixsig policy --help/,
  ],
  [['describe'], /did you mean nixsig policy describe\?/],
  [['check', './result'], /did you mean .*nixsig verify/],
  [['why', './result'], /did you mean nixsig explain\?/],
  [['quarantine', 'delete'], /did you mean nixsig quarantine purge\?/],
  [['attest', 'sources'], /did you mean nixsig attest source\?/],
  [['frobnicate'], /^nixsig: unknown command "frobnicate": nixsig --help lists them\n$/],
  [
    ['verify', '--recursve', 'x'],
    /unknown option --recursve: did you mean --recursive\? see nixsig verify --help\n$/,
  ],
  [['verify', '--polcy', 'x', 'x'], /did you mean --policy\?/],
  [['keygen', '--frobnicate', 'x'], /^nixsig: unknown option --frobnicate: see nixsig keygen --help\n$/],
]

for (const [words, answer] of CALLS) {
  test(`nixsig ${words.join(' ')} says what may have been meant`, () => {
    const { status, stderr, stdout } = cli.run(...words)
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, answer)
  })
}

test('the common ways to ask for help and the version', () => {
  const help = cli.run('verify', '--help').stdout
  for (const words of [
    ['help', 'verify'],
    ['verify', '-h'],
    ['-h', 'verify'],
  ])
    assert.equal(cli.run(...words).stdout, help, words.join(' '))
  assert.equal(cli.run('help').stdout, cli.run('--help').stdout)
  assert.equal(cli.run('help', 'policy').stdout, cli.run('policy', '--help').stdout)
  assert.match(cli.run('help', 'verfiy').stderr, /did you mean nixsig verify\?/)
  const version = cli.run('--version').stdout
  for (const words of [['version'], ['-V'], ['verify', '--version']])
    assert.equal(cli.run(...words).stdout, version)
  assert.equal(JSON.parse(cli.run('version', '--json').stdout).version, version.trim())
})
