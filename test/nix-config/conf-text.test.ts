import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConf } from '../../src/nix-config/conf-text.ts'

test('settings have single spaces between their words, and comments end lines', () => {
  assert.deepEqual(
    parseConf('# all\n\nsandbox = true # yes\n\tsubstituters =  a\t b \r\ntrusted-users =\n'),
    [
      { kind: 'setting', line: 3, name: 'sandbox', value: 'true' },
      { kind: 'setting', line: 4, name: 'substituters', value: 'a b' },
      { kind: 'setting', line: 5, name: 'trusted-users', value: '' },
    ],
  )
})

test('a value may hold an equals sign, and a name may not hide in a comment', () => {
  assert.deepEqual(parseConf('store = a?trusted=1\n#sandbox = false'), [
    { kind: 'setting', line: 1, name: 'store', value: 'a?trusted=1' },
  ])
})

test('both ways to include', () => {
  assert.deepEqual(parseConf('include a.conf\n!include /b'), [
    { kind: 'include', line: 1, file: 'a.conf', mayBeMissing: false },
    { kind: 'include', line: 2, file: '/b', mayBeMissing: true },
  ])
})

test('what Nix refuses is malformed', () => {
  for (const line of ['sandbox', 'sandbox=true', 'sandbox true', 'include', 'include a b']) {
    assert.deepEqual(parseConf(`\n${line}`), [{ kind: 'malformed', line: 2 }], line)
  }
})

test('any text is read to its end', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', ' ', '=', '\n', '#', '!', '\0', '\u{1f600}') }),
      text => {
        const lines = parseConf(text).map(({ line }) => line)
        assert.deepEqual(
          lines,
          [...new Set(lines)].sort((a, b) => a - b),
        )
      },
    ),
  )
})
