import { strict as assert } from 'node:assert'
import { type GitSigLine, gitSigBody, parseGitSigLine, printGitSigLine } from '../../src/formats/git-sig.ts'
import {
  parseRevisionStatement,
  printRevisionStatement,
  type RevisionStatement,
} from '../../src/formats/in-toto/revision-statement.ts'
import { linesOf, unionOfLines } from '../../src/formats/note-lines.ts'
import { NAR_HASH, NOW } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

const [COMMIT, TREE] = ['0123456789abcdef0123456789abcdef01234567', 'f'.repeat(40)]
const LINE = printGitSigLine({
  commit: COMMIT,
  tree: TREE,
  review: undefined,
  signature: Buffer.from('\xc2\x01x'),
})

const STATEMENT: RevisionStatement = {
  commit: COMMIT,
  tree: TREE,
  narHash: NAR_HASH,
  role: 'reviewer',
  signer: 'nixsig:verifier:x',
  review: NAR_HASH,
  signedOn: NOW,
}

/** What people write into notes about commits. */
export const COMMIT_NOTES: readonly Target[] = [
  formatTarget<GitSigLine>({
    name: 'line of git-sig',
    seeds: [LINE, LINE.replace(':null:', `:${NAR_HASH}:`), LINE.replaceAll(/[0-9a-f]{40}/g, NAR_HASH)],
    tokens: ['sig:', 'v0', 'v1', ':', 'null', 'pgp', 'ssh', '=', '==', '\n', COMMIT, 'A'],
    read: input => parseGitSigLine(textOf(input)),
    print: printGitSigLine,
    also: (line, input) => {
      // What is signed is the text before the last colon, and nothing else.
      const text = textOf(input)
      assert.equal(Buffer.from(gitSigBody(line)).toString(), text.slice(0, text.lastIndexOf(':')))
    },
  }),
  formatTarget<RevisionStatement>({
    name: 'statement about a commit',
    seeds: [printRevisionStatement(STATEMENT), printRevisionStatement({ ...STATEMENT, role: 'committer' })],
    tokens: [
      '"gitCommit":',
      '"gitTree":',
      '"role":',
      '"committer"',
      '"reviewer"',
      ',',
      '{}',
      '[]',
      COMMIT,
      'null',
    ],
    read: parseRevisionStatement,
    also: statement => {
      const again = parseRevisionStatement(printRevisionStatement(statement))
      assert.deepEqual(again, statement)
      assert.equal(statement.tree.length, statement.commit.length)
    },
  }),
  formatTarget<Uint8Array>({
    name: 'lines of a note',
    seeds: [Buffer.from('b\na\n\nb\n'), Buffer.from('\xff\n\0\n', 'latin1')],
    tokens: ['\n', '\r\n', '\0', '\u2028', 'sig:v0:', '{"payload":'],
    read: input => unionOfLines([input]),
    also: (union, input) => {
      assert.deepEqual(new Set(linesOf(union)), new Set(linesOf(input)))
      assert.deepEqual(unionOfLines([union, input]), union)
    },
  }),
]
