import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCheckpoint, printCheckpoint } from '../../../src/formats/tlog/checkpoint.ts'
import {
  NOTE_COSIGNATURE_V1,
  NOTE_ED25519,
  NOTE_LIMIT,
  noteKey,
  parseNote,
  parseNoteKey,
  printNote,
  printNoteKey,
} from '../../../src/formats/tlog/note.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { GO_CHECKPOINT, GO_KEY, SPEC_KEY, SPEC_NOTE } from '../../support/tlog/known-notes.ts'

const SIGNATURE = `\u2014 a ${Buffer.alloc(68, 1).toString('base64')}\n`

describe('a signed note', () => {
  it('is read and printed again', () => {
    for (const note of [SPEC_NOTE, GO_CHECKPOINT, `a\n\nb\n\n${SIGNATURE}${SIGNATURE}`]) {
      assert.equal(Buffer.from(printNote(parseNote(Buffer.from(note)))).toString(), note)
    }
    const { text, signatures } = parseNote(Buffer.from(`a\n\nb\n\n${SIGNATURE}`))
    assert.equal(text, 'a\n\nb\n')
    assert.deepEqual(signatures, [{ name: 'a', keyId: '01010101', signature: new Uint8Array(64).fill(1) }])
  })

  it('is refused in any other form', () => {
    const refused = (note: string | Uint8Array, reason: RegExp) =>
      assert.throws(() => parseNote(Buffer.from(note as string)), { name: 'FormatError', message: reason })
    refused('', /no blank line/)
    refused('text\n', /no blank line/)
    refused('text\n\n', /no signature at its end/)
    refused(`text\n\n${SIGNATURE.slice(0, -1)}`, /no signature at its end/)
    refused(`text\n\n${SIGNATURE}\n`, /no signature at its end/)
    refused(`text\n\n${SIGNATURE}text\n`, /signature 2/)
    refused(`text\n\n${SIGNATURE.replace('\u2014', '-')}`, /signature 1/)
    refused(`text\n\n${SIGNATURE.replace('\n', '\r\n')}`, /control character/)
    refused(`te\txt\n\n${SIGNATURE}`, /control character/)
    refused(`text\n\n${SIGNATURE.replace('a', '')}`, /key name of 0/)
    refused(`text\n\n${SIGNATURE.replace('a', 'a+b')}`, /white space or \+/)
    refused(`text\n\n${SIGNATURE.replace('a', 'a\u00a0b')}`, /white space or \+/)
    refused(`text\n\n${SIGNATURE.replace('a ', 'a  ')}`, /signature 1/)
    refused(`text\n\n\u2014 a AQEBAQ==\n`, /fewer than 5 bytes/)
    refused(`text\n\n\u2014 a AQEBAQF\n`, /base64/)
    refused(`text\n\n${SIGNATURE.repeat(101)}`, /more than 100 signatures/)
    refused(Buffer.concat([Buffer.of(0xff), Buffer.from(`text\n\n${SIGNATURE}`)]), /not UTF-8/)
    refused(Buffer.alloc(NOTE_LIMIT + 1, 0x61), /larger than/)
  })

  it('is not printed from what could not be read again', () => {
    const signatures = parseNote(Buffer.from(`text\n\n${SIGNATURE}`)).signatures
    for (const text of ['', 'text', 'te\rxt\n', '\ud800\n']) {
      assert.throws(() => printNote({ text, signatures }), { name: 'FormatError' })
    }
    assert.throws(() => printNote({ text: 'text\n', signatures: [] }), { name: 'FormatError' })
  })
})

describe('the key of a note', () => {
  it('has the id that others compute', () => {
    for (const text of [SPEC_KEY, GO_KEY]) {
      const key = parseNoteKey(text)
      assert.equal(printNoteKey(key), text)
      assert.deepEqual(noteKey(key.name, NOTE_ED25519, key.publicKey), key)
      assert.notEqual(noteKey(key.name, NOTE_COSIGNATURE_V1, key.publicKey).keyId, key.keyId)
    }
  })

  it('of another kind is taken as it stands', () => {
    const key = parseNoteKey(`w+01020304+${Buffer.alloc(1313, 6).toString('base64')}`)
    assert.deepEqual([key.name, key.keyId, key.type, key.publicKey.length], ['w', '01020304', 6, 1312])
  })

  it('is refused in any other form', () => {
    const refused = (text: string, reason: RegExp) =>
      assert.throws(() => parseNoteKey(text), { name: 'FormatError', message: reason })
    refused('', /not NAME/)
    refused(SPEC_KEY.replace('530d903a', '530d903b'), /not the one of this name and key/)
    refused(SPEC_KEY.replace('530d903a', '530D903A'), /not NAME/)
    refused(SPEC_KEY.replace('foo', 'fop'), /not the one of this name and key/)
    refused(SPEC_KEY.replace('example', 'exa mple'), /white space/)
    refused(SPEC_KEY.replace(/^[^+]*/, ''), /key name of 0/)
    refused(SPEC_KEY.slice(0, -4), /not an Ed25519 key of 32 bytes/)
    refused(`${SPEC_KEY} `, /base64/)
    refused('a+01020304+Ag==', /no key in it/)
    refused(`a+01020304+${'A'.repeat(10_000)}`, /not NAME/)
  })
})

describe('a checkpoint', () => {
  const { text } = parseNote(Buffer.from(GO_CHECKPOINT))

  it('is read and printed again', () => {
    const checkpoint = parseCheckpoint(text)
    assert.deepEqual(
      [checkpoint.origin, checkpoint.size, checkpoint.extensions],
      ['go.sum database tree', 35225469, []],
    )
    assert.equal(toHex(checkpoint.root), 'bede53e8668b097bf21c597d554bef22d478dd76717cb81fb44713c8edde2424')
    assert.equal(printCheckpoint(checkpoint), text)
    assert.deepEqual(parseCheckpoint(`${text}more\nand more\n`).extensions, ['more', 'and more'])
  })

  it('is refused in any other form', () => {
    const refused = (changed: string, reason: RegExp) =>
      assert.throws(() => parseCheckpoint(changed), { name: 'FormatError', message: reason })
    refused('', /no newline/)
    refused(text.slice(0, -1), /no newline/)
    refused(`\n${text}`, /no origin/)
    refused(`${text}\n`, /an empty line \(line 4\)/)
    refused(text.replace('35225469', '035225469'), /not a number/)
    refused(text.replace('35225469', '-1'), /not a number/)
    refused(text.replace('35225469', '1e3'), /not a number/)
    refused(text.replace('35225469', ''), /not a number/)
    refused(text.replace('35225469', '9007199254740992'), /not a number/)
    refused(text.replace('JCQ=', 'JCR='), /base64/)
    refused(text.replace('JCQ=', ''), /not a SHA-256/)
    refused('a\n1\n', /not a SHA-256/)
  })

  it('is not printed from what could not be read again', () => {
    const checkpoint = parseCheckpoint(text)
    assert.throws(() => printCheckpoint({ ...checkpoint, origin: 'a\n1' }), { name: 'FormatError' })
    assert.throws(() => printCheckpoint({ ...checkpoint, extensions: ['a\nb'] }), { name: 'FormatError' })
    assert.throws(() => printCheckpoint({ ...checkpoint, size: -1 }), { name: 'FormatError' })
  })
})
