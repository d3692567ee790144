import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosignCheckpoint, noteVerdict, signNoteText } from '../../src/crypto/note-signature.ts'
import { printCheckpoint } from '../../src/formats/tlog/checkpoint.ts'
import { parseCosignature, printCosignature } from '../../src/formats/tlog/cosignature.ts'
import {
  NOTE_COSIGNATURE_V1,
  NOTE_ED25519,
  type NoteKey,
  noteKey,
  parseNote,
  parseNoteKey,
  printNote,
} from '../../src/formats/tlog/note.ts'
import { fromBase64 } from '../../src/primitives/base64.ts'
import { fromHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair } from '../../src/primitives/sodium.ts'
import { GO_CHECKPOINT, GO_KEY, SIGSUM, SPEC_KEY, SPEC_NOTE } from '../support/tlog/known-notes.ts'

const read = (note: string) => parseNote(Buffer.from(note))

const signer = (name: string, seed: number) => ({ name, ...ed25519KeyPair(Buffer.alloc(32, seed)) })
const TEXT = printCheckpoint({ origin: 'log.example/1', size: 4, root: Buffer.alloc(32, 9), extensions: [] })

test('notes that others signed', () => {
  assert.deepEqual(noteVerdict(read(SPEC_NOTE), parseNoteKey(SPEC_KEY)), { kind: 'signed' })
  assert.deepEqual(noteVerdict(read(GO_CHECKPOINT), parseNoteKey(GO_KEY)), { kind: 'signed' })
  assert.deepEqual(noteVerdict(read(GO_CHECKPOINT), parseNoteKey(SPEC_KEY)), { kind: 'unsigned' })
  const changed = read(GO_CHECKPOINT.replace('35225469', '35225468'))
  assert.deepEqual(noteVerdict(changed, parseNoteKey(GO_KEY)), { kind: 'wrong' })
})

test('a cosignature that a witness of Sigsum made', () => {
  const [, time = '', hex = ''] = /^cosignature=\S+ (\S+) (\S+)$/m.exec(SIGSUM.proof) ?? []
  const [, log = ''] = /^log=(\S+)$/m.exec(SIGSUM.proof) ?? []
  const [, root = ''] = /^root_hash=(\S+)$/m.exec(SIGSUM.proof) ?? []
  const checkpoint = { origin: `sigsum.org/v1/tree/${log}`, size: 4, root: fromHex(root), extensions: [] }
  const key = noteKey('witness', NOTE_COSIGNATURE_V1, fromBase64(SIGSUM.witnessKey))
  const signature = printCosignature({ time: Number(time), signature: fromHex(hex) })
  const note = {
    text: printCheckpoint(checkpoint),
    signatures: [{ name: 'witness', keyId: key.keyId, signature }],
  }
  assert.deepEqual(noteVerdict(parseNote(printNote(note)), key), { kind: 'signed', time: 1683202758 })
  const later = printCosignature({ time: Number(time) + 1, signature: fromHex(hex) })
  const changed = { ...note, signatures: [{ name: 'witness', keyId: key.keyId, signature: later }] }
  assert.deepEqual(noteVerdict(changed, key), { kind: 'wrong' })
})

test('what nixsig signs it verifies', () => {
  const [log, witness] = [signer('log.example/1', 1), signer('witness.example', 2)]
  const signatures = [signNoteText(TEXT, log), cosignCheckpoint(TEXT, witness, 1_700_000_000)]
  const note = parseNote(printNote({ text: TEXT, signatures }))
  const verdict = (key: NoteKey) => noteVerdict(note, key)
  assert.deepEqual(verdict(noteKey(log.name, NOTE_ED25519, log.publicKey)), { kind: 'signed' })
  assert.deepEqual(verdict(noteKey(witness.name, NOTE_COSIGNATURE_V1, witness.publicKey)), {
    kind: 'signed',
    time: 1_700_000_000,
  })
})

test('attack: a plain signature does not count as a cosignature, nor the other way round', () => {
  const both = signer('both.example', 3)
  const plain = signNoteText(TEXT, both)
  const cosigned = cosignCheckpoint(TEXT, both, 5)
  const asCosignature = {
    ...plain,
    keyId: cosigned.keyId,
    signature: Buffer.concat([Buffer.alloc(8), plain.signature]),
  }
  const asPlain = { ...cosigned, keyId: plain.keyId, signature: cosigned.signature.subarray(8) }
  const note = { text: TEXT, signatures: [asCosignature, asPlain] }
  for (const type of [NOTE_ED25519, NOTE_COSIGNATURE_V1]) {
    assert.deepEqual(noteVerdict(note, noteKey(both.name, type, both.publicKey)), { kind: 'wrong' })
  }
})

test('attack: a wrong signature beside a right one by the same key', () => {
  const witness = signer('witness.example', 2)
  const right = cosignCheckpoint(TEXT, witness, 5)
  const wrong = { ...right, signature: printCosignature({ time: 9, signature: right.signature.subarray(8) }) }
  const key = noteKey(witness.name, NOTE_COSIGNATURE_V1, witness.publicKey)
  for (const signatures of [
    [right, wrong],
    [wrong, right],
  ]) {
    assert.deepEqual(noteVerdict({ text: TEXT, signatures }, key), { kind: 'wrong' })
  }
  const earlier = cosignCheckpoint(TEXT, witness, 3)
  assert.deepEqual(noteVerdict({ text: TEXT, signatures: [right, earlier] }, key), {
    kind: 'signed',
    time: 5,
  })
})

test('a kind of signature that nixsig cannot verify says nothing', () => {
  const key = parseNoteKey(
    `w+01020304+${Buffer.concat([Buffer.of(6), Buffer.alloc(1312, 6)]).toString('base64')}`,
  )
  const signatures = [{ name: 'w', keyId: '01020304', signature: Buffer.alloc(2428) }]
  assert.deepEqual(noteVerdict({ text: TEXT, signatures }, key), { kind: 'unknown' })
})

test('cosignatures of another length, or of a time that no date has', () => {
  const refused = (bytes: Uint8Array, reason: RegExp) => assert.throws(() => parseCosignature(bytes), reason)
  refused(Buffer.alloc(71), /71 bytes instead of 72/)
  refused(Buffer.alloc(73), /73 bytes instead of 72/)
  refused(Buffer.concat([Buffer.alloc(8, 0xff), Buffer.alloc(64)]), /a time after any date/)
})
