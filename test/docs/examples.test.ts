// The parts of policies and the commands that the documentation shows, as far as they can be judged
// without a world; test/e2e/docs.test.ts runs the commands, test/e2e/nix-lib.test.ts evaluates the
// expressions.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { certificateFingerprints } from '../../src/crypto/openpgp/certificate.ts'
import { certificateOf, policyOf } from '../policy/policies.ts'
import { PAGES as ALL_PAGES } from './inventory.ts'
import { blocksOf, commandsOf } from './markdown.ts'
import { completePolicy } from './policies.ts'

/** docs/policy.md has tests of its own: test/policy/docs.test.ts. */
const PAGES = ALL_PAGES.filter(page => page !== 'docs/policy.md')

/** Pages whose lines are of a length: those for users. */
const FOR_USERS = /^README|how-to|getting-started|attestations|store-plugin|entrances/

/**
 * A whole policy in which real certificates, which are not at hand, are those of these tests by the
 * same names.
 */
function withOwnCertificates(part: string): string {
  return withPeople(completePolicy(part)).replace(
    /openpgp = "[0-9A-F]{40}", certificate = "keys\/([a-z]+)\.asc"/g,
    (_, name: string) =>
      `openpgp = "${certificateFingerprints(certificateOf(name))[0]}", certificate = "keys/${name}.asc"`,
  )
}

const PEOPLE = [
  ['alice', '2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU='],
  ['carol', 'O3ItuQsCbN3SNFM/Qym9sUejO7mnh+qQNSVIVCf4Q4I='],
] as const

/** Parts of policies name people whom the rest of the policy lists. */
function withPeople(policy: string): string {
  const missing = PEOPLE.filter(
    ([name]) => policy.includes(`"${name}"`) && !policy.includes(`[principals.${name}]`),
  )
  return missing.reduce(
    (so, [name, key]) => `${so}\n[principals.${name}]\nkeys = ["${name}-1:${key}"]\n`,
    policy,
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

    if (!FOR_USERS.test(page)) return
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
  assert.ok(PAGES.flatMap(page => commandsOf(page)).length > 100)
  assert.ok(PAGES.flatMap(blocksOf).filter(({ language }) => language === 'toml').length > 20)
})
