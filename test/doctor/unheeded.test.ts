import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differences } from '../../src/doctor/unheeded.ts'

const settings = fc.dictionary(
  fc.constantFrom('sandbox', 'build-hook', 'substituters', 'plugin-files'),
  fc.array(fc.constantFrom('a', 'b', 'true'), { maxLength: 3 }),
)
const asMap = (entries: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(entries).map(([name, words]) => [name, words.join(' ')]))

test('a setting that Nix takes for what is written is heeded, in whatever order it tells a list', () => {
  fc.assert(
    fc.property(settings, written => {
      const told = Object.fromEntries(
        Object.entries(written).map(([name, words]) => [name, words.toReversed()]),
      )
      assert.deepEqual(differences(asMap(written), asMap(told)), [])
    }),
  )
})

test('one word more, less or other is told, and what this Nix does not know is not', () => {
  fc.assert(
    fc.property(settings, fc.constantFrom('x', 'y'), (written, word) => {
      const told = Object.fromEntries(
        Object.entries(written).map(([name, words]) => [name, [...words, word]]),
      )
      assert.deepEqual(differences(asMap(written), asMap(told)), Object.keys(written))
      assert.deepEqual(differences(asMap(told), asMap(written)), Object.keys(written))
      assert.deepEqual(differences(asMap(written), new Map()), [])
    }),
  )
})
