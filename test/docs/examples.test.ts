// The parts of policies and the commands that the documentation shows, as far as they can be judged
// without a world; test/e2e/docs.test.ts runs the commands, test/e2e/nix-lib.test.ts evaluates the
// expressions.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { certificateFingerprints } from '../../src/crypto/openpgp/certificate.ts'
import { certificateOf, policyOf } from '../policy/policies.ts'
import { blocksOf, commandsOf } from './markdown.ts'
import { completePolicy } from './policies.ts'

const ROLES = [
  'developer',
  'packager',
  'reviewer',
  'commits',
  'builder',
  'user',
  'setup',
  'nixos',
  'nixos-state',
  'machines',
  'own-versions',
  'gate',
  'build-hook',
  'doctor',
  'deploy',
].map(role => `docs/how-to/${role}.md`)
const PAGES = [
  'docs/getting-started.md',
  'docs/how-to.md',
  ...ROLES,
  'docs/attestations.md',
  'docs/store-plugin.md',
  'docs/entrances.md',
  'README.md',
]
const LANGUAGES = ['', 'sh', 'sh refused', 'sh build', 'toml', 'text', 'json', 'nix', 'ini', 'conf', 'nginx']

/**
 * A whole policy in which real certificates, which are not at hand, are those of these tests by the
 * same names.
 */
function withOwnCertificates(part: string): string {
  return completePolicy(part).replace(
    /openpgp = "[0-9A-F]{40}", certificate = "keys\/([a-z]+)\.asc"/g,
    (_, name: string) =>
      `openpgp = "${certificateFingerprints(certificateOf(name))[0]}", certificate = "keys/${name}.asc"`,
  )
}

for (const page of PAGES) {
  describe(page, () => {
    const text = readFileSync(join(PROJECT_ROOT, page), 'utf8')

    test('every part of a policy is one', () => {
      for (const { language, text } of blocksOf(page)) {
        if (language === 'toml') assert.doesNotThrow(() => policyOf(withOwnCertificates(text)), text)
      }
    })

    test('no example is in a language that no test knows, and no answer hangs in the air', () => {
      const blocks = blocksOf(page)
      for (const [index, { language, follows }] of blocks.entries()) {
        // Modules for NixOS have a name behind the language.
        assert.ok(LANGUAGES.includes(language.replace(/^nix \S+$/, 'nix')), language)
        const command = blocks[index - 1]?.language.startsWith('sh') === true
        if (language === 'text') assert.ok(follows && command, `the answer in block ${index + 1}`)
      }
    })

    test('no line is longer than 120 characters, tables and examples apart', () => {
      const prose = text.replace(/^```.*?^```/gms, '').split('\n')
      assert.deepEqual(
        prose.filter(line => [...line].length > 120 && !line.startsWith('|')),
        [],
      )
    })
  })
}

test('there are commands and policies to be tested', () => {
  assert.ok(ROLES.flatMap(page => commandsOf(page)).length > 30)
  assert.ok(ROLES.flatMap(blocksOf).filter(({ language }) => language === 'toml').length > 5)
})
