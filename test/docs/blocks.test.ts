// Every example of the documentation is run by a test, or has a reason why not; and every message
// that stands alone is one that a test sees.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { PAGES, takeInventory } from './inventory.ts'
import { blocksOf } from './markdown.ts'

const LANGUAGES = [
  '',
  'sh',
  'sh refused',
  'sh build',
  'toml',
  'text',
  'log',
  'json',
  'nix',
  'ini',
  'conf',
  'nginx',
  'cron',
  'yaml',
]
/** A command of Nix's or nixsig's, or a message. */
const TYPED = new RegExp(
  `^(\\$ |nix |nix-|nixsig: |nixsig (${COMMANDS.map(({ name }) => name).join('|')})\\b)`,
  'm',
)
const { runs, omitted, faults } = takeInventory()

test('every block is listed with who runs it, or why nobody does', () => {
  assert.deepEqual(faults, [])
})

test('every file that is listed is a test that holds itself to it', () => {
  for (const file of new Set(runs.map(({ run }) => run.by))) {
    const path = join(PROJECT_ROOT, 'test', `${file}.test.ts`)
    assert.ok(existsSync(path), file)
    assert.ok(readFileSync(path, 'utf8').includes(`everyBlockWasRun('${file}'`), file)
  }
})

test('blocks without a language are drawings and formats: nothing that anybody would type, and nothing printed', () => {
  for (const { block, run } of runs) assert.notEqual(block.language, '', `${block.at}: ${run.by} runs it`)
  for (const { block } of omitted.filter(({ block }) => block.language === ''))
    assert.doesNotMatch(block.text, TYPED, block.at)
})

for (const page of PAGES) {
  test(`${page}: no example is in a language that no test knows, and no answer hangs in the air`, () => {
    const blocks = blocksOf(page)
    for (const [index, { at, language, follows }] of blocks.entries()) {
      // Modules for NixOS have a name behind the language.
      assert.ok(LANGUAGES.includes(language.replace(/^nix \S+$/, 'nix')), `${at}: ${language}`)
      const command = blocks[index - 1]?.language.startsWith('sh') === true
      if (language === 'text') assert.ok(follows && command, `the answer in ${at}`)
    }
  })

  test(`${page}: every block of JSON is JSON`, () => {
    for (const { at, language, text } of blocksOf(page))
      if (language === 'json') assert.doesNotThrow(() => JSON.parse(text), at)
  })
}

test('most examples are run', () => {
  assert.ok(runs.length > 3 * omitted.filter(({ block }) => block.language.startsWith('sh')).length)
})
