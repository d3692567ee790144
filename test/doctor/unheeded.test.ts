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

test('a setting whose written value Nix uses is in effect, in whatever order Nix prints a list', () => {
  fc.assert(
    fc.property(settings, written => {
      const told = Object.fromEntries(
        Object.entries(written).map(([name, words]) => [name, words.toReversed()]),
      )
      assert.deepEqual(differences(asMap(written), asMap(told)), [])
    }),
  )
})

test('an added, missing or different word is reported, and a setting that this Nix does not have is not', () => {
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
