import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changesBetween } from '../../../src/expressions/approve/changes.ts'
import {
  attributePath,
  flakeExpression,
  NO_INPUTS,
  nixString,
} from '../../../src/expressions/approve/expression.ts'
import { fileIn, titleOf } from '../../../src/expressions/approve/target.ts'
import { ExpressionError } from '../../../src/expressions/expression-error.ts'
import type { ApprovedInput } from '../../../src/formats/in-toto/predicates/approval.ts'
import { EXPRESSIONS, entry } from '../../support/signed-approval.ts'

/** What a Nix string literal stands for (Nix manual, "String literal"); throws if it is not one. */
function unquoted(literal: string): string {
  assert.match(literal, /^".*"$/s)
  let text = ''
  for (let rest = literal.slice(1, -1); rest !== ''; ) {
    const [token, plain, escaped] = /^(?:([^"\\$]|\$\$|\$(?!\{))|\\(.))/s.exec(rest) ?? assert.fail(literal)
    text += plain ?? (escaped === 'n' ? '\n' : escaped)
    rest = rest.slice(token.length)
  }
  return text
}

test('no text in an expression can become a part of it', () => {
  const tokens = fc.constantFrom('$', '{', '}', '\\', '"', "''", '\n', '\r', '${', '$$', 'a')
  const texts = fc.oneof(
    fc.string(),
    fc.array(tokens).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(
      texts.filter(text => !text.includes('\0')),
      text => assert.equal(unquoted(nixString(text)), text),
    ),
  )
  assert.throws(() => nixString('a\0b'), ExpressionError)
})

test('the path of an attribute is read as Nix reads it', () => {
  assert.deepEqual(attributePath(''), [])
  assert.deepEqual(attributePath("a.b-c.d'"), ['a', 'b-c', "d'"])
  assert.deepEqual(attributePath('a."b.c".d'), ['a', 'b.c', 'd'])
  for (const text of ['a..b', '.a', 'a.', 'a b', 'a."b', `a."$\{b}"`, 'a;b', '"a\\"b"']) {
    assert.throws(() => attributePath(text), /is not the path of an attribute/, text)
  }
})

test('attack: a time that no calendar has is an error with words', () => {
  const tree = { storePath: '/nix/store/x-source', narHash: '00'.repeat(32), commit: '1'.repeat(40) }
  const at = (committed: number) =>
    flakeExpression({ ...tree, committed }, [], { system: 'x86_64-linux', inputs: NO_INPUTS })
  assert.match(at(253_402_300_799), /lastModifiedDate = "99991231235959"/)
  for (const time of [253_402_300_800, 999_999_999_999]) {
    assert.throws(() => at(time), /a commit of a year after 9999: 1{40}/)
  }
})

test('a file is one of its tree', () => {
  assert.equal(fileIn('./a/../default.nix'), 'default.nix')
  for (const file of ['/etc/passwd', '../default.nix', 'a/../../b']) {
    assert.throws(() => fileIn(file), /is not a file of the repository/)
  }
  assert.equal(titleOf({ kind: 'flake', attribute: 'x' }), '.#x')
  assert.equal(titleOf({ kind: 'file', file: './default.nix', attributes: ['a', 'b'] }), 'default.nix a b')
})

test('an output of a flake is looked for where nix build looks', () => {
  const tree = { storePath: '/nix/store/x', narHash: 'ab'.repeat(32), commit: 'c'.repeat(40), committed: 0 }
  const options = { system: 'x86_64-linux', inputs: NO_INPUTS }
  assert.match(
    flakeExpression(tree, ['x'], options),
    /\[ \[ "packages" "x86_64-linux" "x" \] \[ "legacyPackages" "x86_64-linux" "x" \] \[ "x" \] \]/,
  )
  assert.match(flakeExpression(tree, [], options), /"packages" "x86_64-linux" "default"/)
})

test('what changed since an approval is told by names, and who signed by people', () => {
  const input = (signers: readonly string[]): ApprovedInput => ({ name: 'inputs.lib', url: 'x', signers })
  const lock = (signers: readonly string[]) => [{ file: 'flake.lock', sha256: '', inputs: [input(signers)] }]
  const before = {
    approval: { expressions: EXPRESSIONS, locks: lock(['carol']) },
    entries: [entry('same.drv'), entry('x.drv'), entry('gone.drv'), entry('source')],
  }
  const changed = { ...entry('x.drv'), sha256: 'f'.repeat(64) }
  const after = {
    approval: { expressions: { ...EXPRESSIONS, signers: ['alice'] }, locks: lock(['dave']) },
    entries: [entry('same.drv'), changed, entry('new.drv'), { ...entry('source'), sha256: 'f'.repeat(64) }],
  }
  assert.deepEqual(changesBetween(before, after), {
    derivations: { changed: ['x.drv'], added: ['new.drv'], removed: ['gone.drv'] },
    sources: { changed: ['source'], added: [], removed: [] },
    signers: { added: ['dave'], removed: ['bob', 'carol'] },
  })
})
