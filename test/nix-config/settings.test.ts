import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { optionAssignments } from '../../src/nix-config/options.ts'
import { assignment, disagreements, itemsOf, truthOf } from '../../src/nix-config/settings.ts'

const said = (...pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([name, value]) => assignment(name, value, 'nix.conf:1'))

test('old names and additions are returned by the current name', () => {
  assert.deepEqual(assignment('build-use-sandbox', 'false', 'x'), {
    name: 'sandbox',
    value: 'false',
    isAddition: false,
    origin: 'x',
  })
  assert.equal(assignment('extra-binary-caches', 'a', 'x').name, 'substituters')
  assert.equal(assignment('extra-binary-caches', 'a', 'x').isAddition, true)
})

test('a value that is not a boolean is neither true nor false', () => {
  const settings = new Map([
    ['sandbox', 'relaxed'],
    ['require-sigs', 'true'],
    ['fallback', 'false'],
  ])
  assert.equal(truthOf(settings, 'sandbox'), undefined)
  assert.equal(truthOf(settings, 'require-sigs'), true)
  assert.equal(truthOf(settings, 'fallback'), false)
  assert.equal(truthOf(settings, 'unheard-of'), undefined)
  assert.deepEqual(itemsOf(settings, 'unheard-of'), [])
})

describe('settings to which Nix gives another value than was written', () => {
  const asked = new Map([
    ['sandbox', 'true'],
    ['substituters', 'a b'],
    ['trusted-users', 'root'],
  ])
  const names = ['sandbox', 'substituters', 'trusted-users', 'secret-key-files']

  test('none, where the last assignment is in effect and lists are in another order', () => {
    const lines = said(
      ['sandbox', 'false'],
      ['sandbox', 'yes'],
      ['substituters', 'b'],
      ['extra-substituters', 'a'],
    )
    assert.deepEqual(disagreements(asked, lines, names), [])
  })

  test('none, where a default is only added to', () => {
    assert.deepEqual(disagreements(asked, said(['extra-substituters', 'b']), names), [])
  })

  test('another boolean, another item, a missing item', () => {
    assert.deepEqual(disagreements(asked, said(['sandbox', 'false']), names), ['sandbox'])
    assert.deepEqual(disagreements(asked, said(['sandbox', 'relaxed']), names), ['sandbox'])
    assert.deepEqual(disagreements(asked, said(['substituters', 'a b c']), names), ['substituters'])
    assert.deepEqual(disagreements(asked, said(['substituters', 'a']), names), ['substituters'])
    assert.deepEqual(disagreements(asked, said(['extra-substituters', 'c']), names), ['substituters'])
    assert.deepEqual(disagreements(asked, said(['trusted-users', '']), names), ['trusted-users'])
  })

  test('a setting that this Nix does not have', () => {
    assert.deepEqual(disagreements(asked, said(['secret-key-files', '/x']), names), ['secret-key-files'])
  })
})

test('all forms of options', () => {
  const options = [
    '--option',
    'sandbox',
    'false',
    '--no-require-sigs',
    '--fallback',
    '--extra-substituters',
    'x',
    '-j',
    '1',
  ]
  assert.deepEqual(
    optionAssignments(options).map(({ name, value, isAddition }) => [name, value, isAddition]),
    [
      ['sandbox', 'false', false],
      ['require-sigs', 'false', false],
      ['fallback', 'true', false],
      ['substituters', 'x', true],
    ],
  )
})
