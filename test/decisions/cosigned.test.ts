// Signed states of the decision log that witnesses cosigned, and what root without the witnesses cannot
// make of them.
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { cosignCheckpoint, type NoteSigner } from '../../src/crypto/note-signature.ts'
import { generateKey } from '../../src/crypto/secret-key.ts'
import { keepCheckpoint } from '../../src/decisions/checkpoint.ts'
import { foldSegments } from '../../src/decisions/fold.ts'
import { keepCosigned } from '../../src/decisions/keep-cosigned.ts'
import { type KeptCheckpoint, parseKept } from '../../src/decisions/kept-checkpoint.ts'
import { limitSize } from '../../src/decisions/limit.ts'
import { SEGMENT_LINES } from '../../src/decisions/line.ts'
import { logPlaces } from '../../src/decisions/places.ts'
import { verifyLog } from '../../src/decisions/verify.ts'
import { printNote } from '../../src/formats/tlog/note.ts'
import { parseTlogPolicy } from '../../src/formats/tlog/tlog-policy.ts'
import { appendDecision } from '../support/decisions/lines.ts'
import { LOG, logKey, policyOfTwo, somebody, WITNESSES } from '../support/tlog/log.ts'

const KEY = generateKey('host-1')
const TIME = 1_790_000_000
const [W1, W2] = WITNESSES as [NoteSigner, NoteSigner]
const quorumOf = (text: string) => ({ name: 'main', line: 1, file: '/p', policy: parseTlogPolicy(text) })
const QUORUM = quorumOf(policyOfTwo())

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-cosigned-'))
})
afterEach(() => rmSync(state, { recursive: true }))

function append(count: number, path = '/nix/store/x'): void {
  const said = { door: 'gate', asker: 'root', path, outcome: 'trusted', letIn: true, ground: 'a' } as const
  for (let left = count; left > 0; left--) appendDecision(state, { ...said, mode: 'enforce' })
}

const signed = (key = KEY) => parseKept(keepCheckpoint(state, key).bytes, 'monday')

function cosigned(by: readonly NoteSigner[] = [W1, W2], given = signed()): KeptCheckpoint {
  const { text, signatures } = given.note
  const note = { text, signatures: [...signatures, ...by.map(one => cosignCheckpoint(text, one, TIME))] }
  return parseKept(printNote(note), 'monday')
}

const keep = (given: KeptCheckpoint, quorum = QUORUM) =>
  keepCosigned(state, given, { quorum, key: KEY.publicKey })
const refused = (given: KeptCheckpoint, why: RegExp, quorum = QUORUM) => {
  assert.throws(() => keep(given, quorum), { name: 'FileError', message: why })
  assert.equal(existsSync(logPlaces(state).cosigned), false)
}
const verify = (checkpoints: readonly KeptCheckpoint[] = []) =>
  verifyLog(logPlaces(state), { checkpoints, key: KEY.publicKey, quorum: QUORUM })

test('a state that witnesses cosigned is kept, and the log is held against it', () => {
  append(5)
  keep(cosigned())
  append(5)
  signed()
  const report = verify()
  assert.deepEqual([report.faults, report.witnessed], [[], 6])
  assert.equal(verify([cosigned()]).witnessed, 11)
})

test('which logs the quorum lists does not matter, and the last 64 are kept', () => {
  const other = policyOfTwo().replace(logKey(LOG), logKey(somebody('other')))
  for (let count = 0; count < 66; count++) {
    append(1)
    keep(cosigned(), quorumOf(other))
  }
  assert.equal(readdirSync(logPlaces(state).cosigned).length, 64)
  assert.deepEqual(verify().faults, [])
})

test('attack: too few witnesses, one twice, strangers, or a quorum that needs none', () => {
  append(3)
  refused(cosigned([]), /needs 2 of 3 witnesses; found: 0 of 3/)
  refused(
    cosigned([W1]),
    /monday is not cosigned as it has to be: .*main needs 2 of 3 .*found: 1 of 3 \(w1\)/,
  )
  refused(cosigned([W1, W1]), /found: 1 of 3 \(w1\)/)
  refused(cosigned([W1, somebody('stranger')]), /found: 1 of 3 \(w1\)/)
  refused(cosigned([W1, { ...somebody('x'), name: W2.name }]), /found: 1 of 3 \(w1\)/)
  refused(cosigned(), /needs no witnesses/, quorumOf(`log ${logKey(LOG)}\nquorum none\n`))
})

test('attack: cosignatures over another state', () => {
  append(3)
  const early = cosigned()
  append(3)
  const now = signed()
  const moved = { ...now.note, signatures: [...now.note.signatures, ...early.note.signatures.slice(1)] }
  refused(parseKept(printNote(moved), 'monday'), /under the name of w1 that does not verify/)
})

test('attack: of another log, by another key, of lines that are not there, or of others', () => {
  append(3)
  const ours = join(state, 'decisions')
  const other = mkdtempSync(join(tmpdir(), 'nixsig-other-'))
  cpSync(ours, join(other, 'decisions'), { recursive: true })
  try {
    refused(cosigned([W1, W2], signed(generateKey('host-1'))), /not signed by the key of this machine/)
    rmSync(logPlaces(state).checkpoints, { recursive: true })
    append(2)
    const longer = cosigned()
    rmSync(ours, { recursive: true })
    cpSync(join(other, 'decisions'), ours, { recursive: true })
    refused(longer, /covers 6 lines, and there are 4/)
    append(2, '/nix/store/evil')
    refused(longer, /covers 6 lines that are not these/)
    rmSync(ours, { recursive: true })
    append(9)
    refused(longer, /is of another log/)
  } finally {
    rmSync(other, { recursive: true })
  }
})

test('attack: all is written anew with the key of the machine, and what witnesses saw is taken away', () => {
  append(5)
  keep(cosigned())
  const { faults, witnessed } = verify()
  assert.deepEqual([faults, witnessed], [[], 6])
  rmSync(logPlaces(state).cosigned, { recursive: true })
  signed()
  assert.deepEqual(
    verify().faults.map(({ kind, detail }) => [kind, detail]),
    [
      [
        'unwitnessed',
        'no checkpoint that agrees with the log is cosigned as it has to be: the quorum main needs 2 of 3 witnesses; found: 0 of 3',
      ],
    ],
  )
  assert.equal(verify().witnessed, 0)
})

test('attack: what witnesses saw is about removed lines alone', () => {
  append(5)
  const early = cosigned()
  keep(early)
  for (let round = 0; round < 2; round++) {
    append(SEGMENT_LINES)
    foldSegments(state)
  }
  limitSize(state, 1)
  rmSync(logPlaces(state).checkpoints, { recursive: true })
  const { removed, faults } = verify()
  assert.equal(removed, SEGMENT_LINES)
  assert.deepEqual(
    faults.map(({ kind }) => kind),
    ['unwitnessed'],
  )
  assert.throws(() => keep(early), /covers 6 lines, and \d+ were removed since/)
})
