import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BUILD_DIRECTORY_CLOSED,
  FIXED_OUTPUTS_COPIED,
  FORGETS_BUILD_HOOK,
  isCppNix,
  isMended,
  KNOWN,
  parseNixVersion,
  versionOfNix,
} from '../../../src/formats/nix/nix-version.ts'

test('versions as daemons state them', () => {
  assert.deepEqual(parseNixVersion('2.8.0'), [2, 8, 0])
  assert.deepEqual(parseNixVersion('2.8'), [2, 8, 0])
  assert.deepEqual(parseNixVersion('2.26.3+dfsg-1'), [2, 26, 3])
  assert.deepEqual(versionOfNix('nix (Nix) 2.34.8'), [2, 34, 8])
  assert.equal(versionOfNix('nix (Lix, like Nix) 2.93.0'), undefined)
})

test('builds between versions, and any other text, are unknown', () => {
  for (const text of [
    '',
    '2',
    '2.19.0pre20231012_abcdef0',
    '2.x',
    'v2.8.0',
    ' 2.8.0',
    '2.8.0.1',
    '2.99999.0',
  ])
    assert.equal(parseNixVersion(text), undefined, text)
})

/** The first version of each branch that has the fix, by the tags of Nix that contain it. */
const FIRST = {
  'CVE-2024-27297': [
    FIXED_OUTPUTS_COPIED,
    ['2.3.18', '2.16.3', '2.17.2', '2.18.2', '2.19.4', '2.20.5', '2.21.0'],
  ],
  'CVE-2024-38531': [
    BUILD_DIRECTORY_CLOSED,
    ['2.18.4', '2.19.5', '2.20.7', '2.21.3', '2.22.2', '2.23.1', '2.24.0'],
  ],
} as const

for (const [name, [mend, versions]] of Object.entries(FIRST)) {
  test(`${name}: the first fixed version of each branch, and the one before`, () => {
    for (const text of versions) {
      const [major, minor, patch] = parseNixVersion(text) ?? assert.fail()
      assert.ok(isMended([major, minor, patch], mend), text)
      if (patch > 0) assert.ok(!isMended([major, minor, patch - 1], mend), `before ${text}`)
    }
    for (const text of ['2.8.0', '2.4.0', '2.15.3', '2.18.1'])
      assert.ok(!isMended(parseNixVersion(text), mend), text)
    for (const text of ['2.24.14', '2.26.3', '2.34.8']) assert.ok(isMended(parseNixVersion(text), mend), text)
  })
}

test('attack: a daemon that states no version, or that of another program, has no fix', () => {
  for (const text of ['', 'unknown', '2.93.0', '3.0.0', '2.90.0-lix'])
    assert.ok(!isMended(parseNixVersion(text), FIXED_OUTPUTS_COPIED), text)
})

test('within a branch, a fix is never lost again', () => {
  fc.assert(
    fc.property(
      fc.nat(89),
      fc.nat(40),
      fc.constantFrom(FIXED_OUTPUTS_COPIED, BUILD_DIRECTORY_CLOSED),
      (minor, patch, mend) => {
        assert.ok(isCppNix([2, minor, patch]))
        if (isMended([2, minor, patch], mend)) assert.ok(isMended([2, minor, patch + 1], mend))
      },
    ),
  )
})

test('the C code and the NixOS module know the same versions', () => {
  const numbers = (file: string, pattern: RegExp) => {
    const [, first, last] = pattern.exec(readFileSync(join(PROJECT_ROOT, file), 'utf8')) ?? []
    return { first: Number(first), last: Number(last) }
  }
  assert.deepEqual(numbers('nix/plugin/refusal-line.c', /FIRST_MINOR = (\d+), LAST_MINOR = (\d+)/), KNOWN)
  const module = 'nix/nixos/requirements.nix'
  const { first, last: after } = numbers(module, /versionAtLeast nixVersion "2\.(\d+)" && .* "2\.(\d+)"/)
  assert.deepEqual({ first, last: after - 1 }, FORGETS_BUILD_HOOK)
  const { first: oldest } = numbers(module, /assertion = lib\.versionAtLeast nixVersion "2\.(\d+)"/)
  assert.equal(oldest, KNOWN.first)
})
