import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { advisoryNotes } from '../../src/cli/setup-words.ts'
import { ADVISORIES, advisoriesOn, namesOf } from '../../src/formats/nix/advisories.ts'
import { isMended } from '../../src/formats/nix/nix-version.ts'
import { advisoriesPage } from './advisories-page.ts'

test('docs/nix-advisories.md is what the table says', () => {
  const file = join(PROJECT_ROOT, 'docs/nix-advisories.md')
  if (process.env['NIXSIG_UPDATE_DOCS'] === '1') writeFileSync(file, advisoriesPage())
  assert.equal(readFileSync(file, 'utf8'), advisoriesPage(), 'NIXSIG_UPDATE_DOCS=1 writes the page anew')
})

test('each advisory has numbers of the right form, and no other has them', () => {
  const names = ADVISORIES.flatMap(namesOf)
  assert.equal(new Set(names).size, names.length)
  for (const name of names)
    assert.match(name, /^(?:CVE-20\d{2}-\d{4,6}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})$/)
})

/** By the first name of each. */
const ABOUT: Readonly<Record<string, readonly string[]>> = {
  '2.8.0': ['CVE-2024-27297', 'CVE-2024-38531', 'CVE-2024-47174', 'CVE-2025-46415', 'GHSA-gr92-w2r5-qw5p'],
  '2.18.2': ['CVE-2024-38531', 'CVE-2024-47174', 'CVE-2025-46415', 'CVE-2026-39860', 'GHSA-gr92-w2r5-qw5p'],
  '2.24.5': [
    'CVE-2024-45593',
    'CVE-2024-47174',
    'CVE-2025-46415',
    'CVE-2026-39860',
    'CVE-2026-44028',
    'GHSA-gr92-w2r5-qw5p',
  ],
  '2.26.3': ['CVE-2025-46415', 'CVE-2026-39860', 'CVE-2026-44028', 'GHSA-gr92-w2r5-qw5p'],
  '2.34.6': ['CVE-2026-44028', 'GHSA-gr92-w2r5-qw5p'],
  '2.34.8': [],
  '2.35.0': [],
}

for (const [text, names] of Object.entries(ABOUT)) {
  test(`the advisories about ${text}`, () => {
    const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number)
    const found = advisoriesOn([major, minor, patch])
    assert.deepEqual(
      found.map(advisory => namesOf(advisory)[0]),
      names,
    )
    const [head, ...notes] = advisoryNotes(`nix (Nix) ${text}`)
    assert.equal(notes.length, names.length)
    assert.equal(head?.includes(text), names.length > 0 ? true : undefined)
  })
}

test('a version in which one is mended is never one before it began', () => {
  for (const { id, since, mended } of ADVISORIES) {
    if (since === undefined) continue
    for (const [minor, patch] of Object.entries(since.branches)) {
      assert.ok(!isMended([2, Number(minor), patch], mended), `${id} in 2.${minor}.${patch}`)
    }
  }
})

test('of a Nix of which nothing is known setup says nothing', () => {
  for (const line of [undefined, '', 'nix (Lix, like Nix) 2.93.0', 'nix (Nix) 2.19.0pre1_a']) {
    assert.deepEqual(advisoryNotes(line), [])
  }
})
