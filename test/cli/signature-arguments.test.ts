import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedRevisions, namedSignatures } from '../../src/cli/signature-arguments.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { assertAbout } from '../../src/packaging/handoff/named-signatures.ts'

const X = '/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-source'
const Y = '/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-source'
const Z = '/nix/store/2c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-z.tar'
const SOURCES = [X, Y, Z].map(parseStorePath)

function about(signatures: readonly string[], revisions: readonly string[] = []): () => void {
  return () => assertAbout(SOURCES, namedSignatures(signatures, []), namedRevisions(revisions))
}

test('a signature for a name that several sources have is for none of them', () => {
  assert.throws(about(['source=x.asc']), /source is the name of several sources: give the path of one/)
  assert.throws(about([], ['source=repository#v1']), /several sources/)
  assert.doesNotThrow(about([`${X}=x.asc`, 'z.tar=z.asc', 'z.tar=z.minisig']))
})

test('two ways to check one source are not both taken, however it is called', () => {
  assert.throws(about(['z.tar=z.asc'], [`${Z}=repository#v1`]), /z\.tar: give one --git, or --signature/)
  assert.throws(about([], ['z.tar=repository#v1', `${Z}=repository#v2`]), /give one --git/)
  assert.doesNotThrow(about(['z.tar=z.asc'], [`${X}=repository#v1`]))
})

test('a source has one list of checksums', () => {
  const lists = ['z.tar=SHA256SUMS', 'z.tar=SHA512SUMS']
  assert.throws(() => namedSignatures(['z.tar=z.asc'], lists), /one list for each source/)
})

test('a name that no source has is refused', () => {
  assert.throws(about(['other.tar=z.asc']), /other\.tar is not a source of this derivation/)
})
