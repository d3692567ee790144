import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  APPROVAL,
  type Approval,
  approvalJson,
  parseApproval,
} from '../../../src/formats/in-toto/predicates/approval.ts'
import { parseStatement, printStatement, type Statement } from '../../../src/formats/in-toto/statement.ts'
import { printJson } from '../../../src/formats/json/print.ts'
import { EVALUATOR, EXPRESSIONS } from '../../support/signed-approval.ts'

const ROOT = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-x.drv'
const HASH = 'ab'.repeat(32)
const UNSIGNED = { name: 'lib', url: 'path:.', signers: [] }
const WHOLE: Approval = {
  approver: 'nixsig:approver:SHA256:x',
  timeApproved: 1_790_000_000,
  graph: { sha256: HASH, lines: 7 },
  expressions: EXPRESSIONS,
  locks: [
    {
      file: 'flake.lock',
      sha256: HASH,
      inputs: [{ ...inputOf('nixpkgs'), committers: ['alice', 'bob'], reviewers: ['bob'] }, UNSIGNED],
    },
  ],
  evaluator: EVALUATOR,
}

function inputOf(name: string) {
  const { tree: _, ...signed } = EXPRESSIONS
  return { ...signed, name }
}

function statementOf(approval: Approval, root = ROOT): Statement {
  return {
    subjects: [{ name: root, narHash: HASH }],
    predicateType: APPROVAL,
    predicate: approvalJson(approval),
  }
}

test('an approval is read as it was written, with a lock and without', () => {
  const bare = { ...WHOLE, locks: [] }
  const inRoles = { ...bare, expressions: { ...EXPRESSIONS, reviewers: ['alice'] } }
  for (const approval of [WHOLE, bare, inRoles]) {
    const read = parseApproval(parseStatement(printStatement(statementOf(approval))))
    assert.deepEqual(read, approval)
  }
})

test('a statement of another type is not an approval', () => {
  assert.equal(parseApproval({ ...statementOf(WHOLE), predicateType: 'https://example.org/x' }), undefined)
})

const BROKEN: readonly (readonly [what: string, change: (text: string) => string, reason: RegExp])[] = [
  ['an unknown field', text => text.replace('"graph":', '"more":1,"graph":'), /unknown field "more"/],
  ['a missing field', text => text.replace('"tree":', '"three":'), /unknown field "three"/],
  ['a graph of no lines', text => text.replace('"lines":7', '"lines":0'), /must be a number from 1 to/],
  ['a part of a line', text => text.replace('"lines":7', '"lines":"7"'), /must be a number from 1 to/],
  [
    'a reviewer who is no signer',
    text => text.replace('"reviewers":["bob"]', '"reviewers":["eve"]'),
    /some of the signers/,
  ],
  ['a role of nobody', text => text.replace('"reviewers":["bob"]', '"reviewers":[]'), /some of the signers/],
  ['a short commit', text => text.replace('c'.repeat(40), 'c'.repeat(12)), /git's id of an object/],
  ['a digest in capitals', text => text.replace(HASH, HASH.toUpperCase()), /64 lower-case hexadecimal/],
  ['an empty target', text => text.replace('.#x', ''), /must have 1 to 1024 characters/],
  ['a long target', text => text.replace('.#x', 'x'.repeat(1025)), /must have 1 to 1024 characters/],
]

for (const [what, change, reason] of BROKEN) {
  test(`an approval with ${what} is refused`, () => {
    const text = Buffer.from(printStatement(statementOf(WHOLE))).toString('utf8')
    const [head = '', ...rest] = text.split('"predicate":')
    const changed = `${head}"predicate":${change(rest.join('"predicate":'))}`
    assert.notEqual(changed, text)
    assert.throws(() => parseApproval(parseStatement(Buffer.from(changed, 'utf8'))), { message: reason })
  })
}

test('an approval of what is not a derivation is refused', () => {
  assert.throws(() => parseApproval(statementOf(WHOLE, ROOT.slice(0, -4))), /not a derivation/)
})

test('a lock that names an input twice is refused', () => {
  const inputs = [inputOf('nixpkgs'), inputOf('nixpkgs')]
  const twice = { ...WHOLE, locks: [{ file: 'flake.lock', sha256: HASH, inputs }] }
  assert.throws(() => parseApproval(statementOf(twice)), /names one twice/)
  assert.match(printJson(approvalJson(twice)), /nixpkgs.*nixpkgs/)
})
