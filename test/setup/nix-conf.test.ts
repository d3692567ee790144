import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../src/primitives/format-error.ts'
import { parseNixConf, type Setting, settingValue } from '../../src/setup/nix-conf.ts'

function settingsOf(text: string): readonly Setting[] {
  return parseNixConf(text, '/etc/nix/nix.conf').filter(line => line.kind === 'setting')
}

test('a line sets one setting to the words after the equals sign', () => {
  const [setting, ...others] = settingsOf('\n  trusted-users =  root\t@wheel # and no more = of them\r\n')
  assert.deepEqual(others, [])
  assert.deepEqual(setting, {
    kind: 'setting',
    name: 'trusted-users',
    isExtra: false,
    words: ['root', '@wheel'],
    file: '/etc/nix/nix.conf',
    line: 2,
  })
})

test('the last line that replaces counts, with the additions after it', () => {
  const settings = settingsOf(
    'substituters = a\nextra-substituters = b\nsubstituters = c\nextra-substituters = d\n',
  )
  assert.deepEqual(settingValue(settings, 'substituters'), ['c', 'd'])
  assert.equal(settingValue(settingsOf('extra-substituters = b'), 'substituters'), undefined)
  assert.deepEqual(settingValue(settingsOf('substituters ='), 'substituters'), [])
})

test('former names of settings are the same settings', () => {
  assert.deepEqual(settingValue(settingsOf('binary-caches = a\nextra-binary-caches = b'), 'substituters'), [
    'a',
    'b',
  ])
  assert.deepEqual(settingValue(settingsOf('build-use-sandbox = false'), 'sandbox'), ['false'])
})

test('included files are resolved as Nix does', () => {
  const lines = parseNixConf('include mine.conf\n!include /srv/theirs.conf\n', '/etc/nix/nix.conf')
  assert.deepEqual(lines, [
    { kind: 'include', file: '/etc/nix/mine.conf', mayBeMissing: false, line: 1 },
    { kind: 'include', file: '/srv/theirs.conf', mayBeMissing: true, line: 2 },
  ])
})

for (const line of ['sandbox', 'sandbox true', 'include', 'include a b', 'sandbox=true']) {
  test(`a line that stops Nix stops setup, with its number: ${line}`, () => {
    assert.throws(
      () => settingsOf(`cores = 1\n${line}\n`),
      (error: unknown) => error instanceof FormatError && error.where === 'line 2',
    )
  })
}
