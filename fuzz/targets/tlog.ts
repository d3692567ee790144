/** Proofs of transparency logs and what they are made of, and forgeries of proofs. */
import { strict as assert } from 'node:assert'
import { proofVerdict } from '../../src/crypto/logged.ts'
import { parseCheckpoint, printCheckpoint } from '../../src/formats/tlog/checkpoint.ts'
import { parseCosignature, printCosignature } from '../../src/formats/tlog/cosignature.ts'
import { parseNote, parseNoteKey, printNote, printNoteKey } from '../../src/formats/tlog/note.ts'
import { parseSigsumProof } from '../../src/formats/tlog/sigsum-proof.ts'
import { parseTlogPolicy } from '../../src/formats/tlog/tlog-policy.ts'
import { parseTlogProof } from '../../src/formats/tlog/tlog-proof.ts'
import { GO_CHECKPOINT, GO_KEY, SIGSUM, SPEC_KEY, SPEC_NOTE } from '../../test/support/tlog/known-notes.ts'
import { policyOfTwo, sigsumProof, somebody, tlogProof, WITNESSES } from '../../test/support/tlog/log.ts'
import { assertFit, bytesOf, formatTarget, type Target, textOf } from '../target.ts'

const ALICE = somebody('alice')
const ENTRY = bytesOf('the line of an envelope')
const ENTRIES = ['a', 'b', 'c', 'd'].map(bytesOf).toSpliced(2, 0, ENTRY)
const TLOG = [tlogProof(ENTRIES, 2), tlogProof([ENTRY], 0), tlogProof(ENTRIES, 2, { witnesses: [] })]
const SIGSUMS = [SIGSUM.proof, sigsumProof(ENTRY, ALICE), sigsumProof(ENTRY, ALICE, { others: 0 })]
const POLICY = policyOfTwo()
const HASH = Buffer.alloc(32, 7).toString('base64')

const TOKENS = [
  '\n',
  '\n\n',
  '\u2014 ',
  '+',
  ' ',
  '0',
  '9007199254740991',
  '9007199254740992',
  'A',
  '=',
  HASH,
]
const PROOF_TOKENS = [
  ...TOKENS,
  'c2sp.org/tlog-proof@v1\n',
  'extra AAAA\n',
  'index 0\n',
  'index ',
  'log.example/main',
]
const SIGSUM_TOKENS = [
  ...TOKENS,
  ...[
    'version=2\n',
    'log=',
    'leaf=',
    'size=',
    'root_hash=',
    'signature=',
    'cosignature=',
    'leaf_index=',
    'node_hash=',
  ],
  'ab'.repeat(32),
]
const POLICY_TOKENS = [
  ...TOKENS,
  ...['log ', 'witness ', 'group ', 'quorum ', 'any', 'all', 'none', '# ', '\t', 'w1', 'w2', 'two', GO_KEY],
]

export const TLOG_FORMATS: readonly Target[] = [
  formatTarget({
    name: 'signed note',
    seeds: [SPEC_NOTE, GO_CHECKPOINT],
    tokens: TOKENS,
    read: parseNote,
    print: printNote,
    oneSpelling: () => true,
  }),
  formatTarget({
    name: 'note key',
    seeds: [SPEC_KEY, GO_KEY, `w+01020304+${Buffer.alloc(1313, 6).toString('base64')}`],
    tokens: TOKENS,
    read: input => parseNoteKey(textOf(input)),
    print: printNoteKey,
  }),
  formatTarget({
    name: 'checkpoint',
    seeds: ['a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n', `log.example\n5\n${HASH}\nmore\n`],
    tokens: TOKENS,
    read: input => parseCheckpoint(textOf(input)),
    print: printCheckpoint,
  }),
  formatTarget({
    name: 'cosignature',
    seeds: [Buffer.concat([Buffer.alloc(7), Buffer.alloc(65, 5)])],
    tokens: TOKENS,
    read: parseCosignature,
    print: printCosignature,
    oneSpelling: () => true,
  }),
  formatTarget({
    name: 'tlog-proof',
    seeds: TLOG,
    tokens: PROOF_TOKENS,
    read: input => parseTlogProof(textOf(input)),
  }),
  formatTarget({
    name: 'sigsum proof',
    seeds: SIGSUMS,
    tokens: SIGSUM_TOKENS,
    read: input => parseSigsumProof(textOf(input)),
  }),
  formatTarget({
    name: 'tlog policy',
    seeds: [POLICY, `log ${'ab'.repeat(32)}\nquorum none\n`],
    tokens: POLICY_TOKENS,
    read: input => parseTlogPolicy(textOf(input)),
    also: ({ digest }) => assert.match(digest, /^[0-9a-f]{64}$/),
  }),
]

/**
 * Proofs for an entry that no log has, with keys that nobody but the tests has: nothing proves it, and
 * of the entry that a log has, no broken proof counts a witness who did not sign.
 */
export const FORGED_LOG_PROOF: Target = {
  name: 'forged log proof',
  seeds: [...TLOG, ...SIGSUMS].map(bytesOf),
  tokens: [...PROOF_TOKENS, ...SIGSUM_TOKENS],
  check: input => {
    const text = textOf(input)
    const policy = parseTlogPolicy(POLICY)
    const judge = (entry: Uint8Array) => proofVerdict(text, { entry, signer: ALICE.publicKey, policy })
    const other = judge(bytesOf('what was never logged'))
    assert.equal(other.outcome, 'wrong')
    const { outcome, found, detail = '' } = judge(ENTRY)
    assertFit(detail)
    assert.ok(found.length <= WITNESSES.length)
    return `${outcome} ${found.length}`
  },
}
