/** Approvals: the lists of build graphs, their indexes, and what is said about them. */
import { strict as assert } from 'node:assert'
import { FileError } from '../../src/files/regular-file.ts'
import { lookUp, makeGraphIndex, openGraphIndex } from '../../src/formats/approval-index.ts'
import {
  APPROVAL,
  type Approval,
  approvalJson,
  parseApproval,
} from '../../src/formats/in-toto/predicates/approval.ts'
import { parseStatement, printStatement, type Statement } from '../../src/formats/in-toto/statement.ts'
import { type GraphEntry, parseBuildGraph, printBuildGraph } from '../../src/formats/nix/build-graph.ts'
import { parseHereApproval } from '../../src/ledger/here-approvals.ts'
import { DERIVATION, DIGEST, NAR_HASH, NOW, OTHER_PATH } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'
import { ATTESTATION_TOKENS } from './attestations.ts'

const ENTRIES: readonly GraphEntry[] = [
  { path: DERIVATION, sha256: NAR_HASH },
  { path: OTHER_PATH, sha256: 'cd'.repeat(32) },
]
const LIST = printBuildGraph(ENTRIES)

const signed = {
  url: 'https://example.org/x',
  commit: 'c'.repeat(40),
  narHash: NAR_HASH,
  signers: ['alice', 'bob'],
  committers: ['alice'],
  reviewers: ['alice', 'bob'],
}
const WHOLE: Approval = {
  approver: 'nixsig:approver:x',
  timeApproved: NOW,
  graph: { sha256: NAR_HASH, lines: 2 },
  expressions: { ...signed, tree: 'd'.repeat(40) },
  locks: [{ file: 'flake.lock', sha256: NAR_HASH, inputs: [{ ...signed, name: 'nixpkgs' }] }],
  evaluator: { nix: '2.26.3', system: 'x86_64-linux', target: '.#x' },
}
const UNSIGNED = { name: 'x', url: 'path:.', signers: [] }
const BARE = { ...WHOLE, locks: [{ file: 'flake.lock', sha256: NAR_HASH, inputs: [UNSIGNED] }] }

const APPROVED = [WHOLE, BARE].map(approval =>
  printStatement({
    subjects: [{ name: DERIVATION, narHash: NAR_HASH }],
    predicateType: APPROVAL,
    predicate: approvalJson(approval),
  }),
)

const FIELDS = [
  '"approver"',
  '"timeApproved"',
  '"graph"',
  '"lines"',
  '"expressions"',
  '"locks"',
  '"evaluator"',
]

function read(bytes: Uint8Array): { readonly statement: Statement; readonly approval: Approval | undefined } {
  const statement = parseStatement(bytes)
  return { statement, approval: parseApproval(statement) }
}

export const APPROVALS: readonly Target[] = [
  formatTarget({
    name: 'approval',
    seeds: APPROVED,
    tokens: [...ATTESTATION_TOKENS, ...FIELDS, APPROVAL],
    read,
    print: ({ statement, approval }) =>
      approval === undefined
        ? undefined
        : printStatement({ ...statement, predicate: approvalJson(approval) }),
  }),
  formatTarget({
    name: 'build graph',
    seeds: [LIST, printBuildGraph(ENTRIES.slice(1))],
    tokens: [`${DERIVATION} `, `${NAR_HASH}\n`, '/nix/store/', '\n', ' '],
    read: parseBuildGraph,
    print: printBuildGraph,
    oneSpelling: () => true,
  }),
  formatTarget({
    name: 'index of a build graph',
    seeds: [makeGraphIndex(LIST)],
    tokens: ['nixsigA1', '\0\0\0\0', '\0\0\0\u0001', '\u007f'],
    read: bytes => {
      const readAt = (offset: number, length: number) => bytes.subarray(offset, offset + length)
      return lookUp(openGraphIndex(readAt, bytes.length), readAt, DIGEST)
    },
    also: found => assert.ok(found === undefined || /^[0-9a-f]{64}$/.test(found)),
  }),
  formatTarget({
    name: 'approval by this machine',
    seeds: APPROVED.map(
      payload => `nixsig1 ${NAR_HASH}\ntrust ${NAR_HASH}\nuntil never\n${textOf(payload)}\n`,
    ),
    tokens: [...ATTESTATION_TOKENS, ...FIELDS, 'nixsig1 ', 'trust ', 'until 1790000000\n', 'until never\n'],
    read: bytes => parseHereApproval(textOf(bytes), NAR_HASH, '/var/lib/nixsig/approvals/here/x'),
    refusals: [FileError],
  }),
]
