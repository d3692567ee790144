// Which fetched sources nixpkgs' fetchurl fetches again: one file, by SHA-256, that nobody changed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Derivation } from '../../../src/formats/nix/derivation.ts'
import { fetchedFile } from '../../../src/formats/nix/fetched-file.ts'

const HASH = 'ab'.repeat(32)
const FIXED = {
  kind: 'fixed',
  name: 'out',
  path: '/nix/store/x',
  method: 'flat',
  algorithm: 'sha256',
} as const

function fetched(env: Readonly<Record<string, string>>, output: object = {}) {
  const derivation: Partial<Derivation> = {
    outputs: [{ ...FIXED, hash: HASH, ...output }],
    env: Object.entries(env),
  }
  return fetchedFile(derivation as Derivation)
}

const URL = 'https://example.org/a.tar.gz'
const json = (attributes: object) => ({ __json: JSON.stringify(attributes) })

test('a file that is fetched as it is', () => {
  assert.deepEqual(fetched({ urls: `${URL} https://other.example/a` }), { url: URL, sha256: HASH })
  assert.deepEqual(fetched({ url: URL, postFetch: '' }), { url: URL, sha256: HASH })
  assert.deepEqual(fetched(json({ urls: [URL], postFetch: '' })), { url: URL, sha256: HASH })
})

test('what is unpacked, changed, hashed otherwise or fetched from nowhere is left out', () => {
  assert.equal(fetched({ url: URL }, { method: 'recursive' }), undefined)
  assert.equal(fetched({ url: URL }, { algorithm: 'sha512', hash: 'ab'.repeat(64) }), undefined)
  assert.equal(fetched({ url: URL }, { kind: 'input-addressed' }), undefined)
  assert.equal(fetched({ url: URL, postFetch: 'strip $out' }), undefined)
  assert.equal(fetched(json({ urls: [URL], postFetch: 'strip $out' })), undefined)
  assert.equal(fetched(json({ urls: [URL], postFetch: ['strip'] })), undefined)
  assert.equal(fetched({ name: 'a' }), undefined)
})

test('attack: structured attributes in another spelling hide no change, and broken ones are not believed', () => {
  const url = `"urls":["${URL}"]`
  assert.notEqual(fetched({ __json: `{${url}}` }), undefined)
  for (const rest of [
    '"postFetch" : "strip $out"',
    '"post\\u0046etch":"strip $out"',
    '"postFetch":\n"strip $out"',
    '"postFetch":null',
    '"a":',
  ])
    assert.equal(fetched({ url: URL, __json: `{${url},${rest}}` }), undefined, rest)
})

test('attack: a password in an address does not come into an inventory that is published', () => {
  assert.deepEqual(fetched({ url: 'https://ci:secret@example.org/a.tar.gz' }), { url: URL, sha256: HASH })
})
