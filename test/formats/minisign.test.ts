import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  parseMinisignPublicKey,
  parseMinisignSignature,
  printKeyNumber,
  printMinisignPublicKey,
} from '../../src/formats/minisign.ts'

// The key on minisign's own page.
const KEY = 'RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3'
const FIRST = Buffer.concat([Buffer.from('ED'), Buffer.alloc(72, 5)]).toString('base64')
const SECOND = Buffer.alloc(64, 6).toString('base64')
const SIGNATURE = `untrusted comment: made by a test\n${FIRST}\ntrusted comment: 1 < 2\n${SECOND}\n`

describe('a minisign public key', () => {
  it('is read alone or after a comment', () => {
    const key = parseMinisignPublicKey(KEY)
    assert.equal(printKeyNumber(key.keyNumber), 'E7620F1842B4E81F')
    assert.equal(key.publicKey.length, 32)
    assert.deepEqual(parseMinisignPublicKey(`untrusted comment: anything\n${KEY}\n`), key)
    assert.equal(printMinisignPublicKey(key), KEY)
  })

  it('is refused in any other form', () => {
    const refused = (text: string, reason: RegExp) =>
      assert.throws(() => parseMinisignPublicKey(text), { name: 'FormatError', message: reason })
    refused('', /not 42 bytes/)
    refused(`\n${KEY}\n`, /"untrusted comment: "/)
    refused(`trusted comment: x\n${KEY}`, /does not begin with "untrusted comment: "/)
    refused(`untrusted comment: x\n${KEY}\n${KEY}`, /more lines/)
    refused(` ${KEY}`, /not standard padded base64/)
    refused(`${KEY}\r\r\n`, /not standard padded base64/)
    refused(KEY.slice(0, -4), /not 42 bytes/)
    refused(`RX${KEY.slice(2)}`, /not an Ed25519 key/)
    refused('A'.repeat(100_000), /not 42 bytes/)
  })
})

describe('a minisign signature file', () => {
  const parse = (text: string) => parseMinisignSignature(Buffer.from(text))

  it('is read with or without its last newline', () => {
    const parsed = parse(SIGNATURE)
    assert.equal(parsed.prehashed, true)
    assert.deepEqual(Buffer.from(parsed.trustedComment).toString(), '1 < 2')
    assert.deepEqual(parse(SIGNATURE.slice(0, -1)), parsed)
    assert.equal(parse(SIGNATURE.replace(FIRST, FIRST.replace(/^RU/, 'RW'))).prehashed, false)
  })

  it('keeps the bytes of the trusted comment as they are', () => {
    const comment = Buffer.from([0xff, 0xfe, 0xc3, 0xa9])
    const [before = '', behind = ''] = SIGNATURE.split('1 < 2')
    const file = Buffer.concat([Buffer.from(before), comment, Buffer.from(behind)])
    assert.deepEqual(Buffer.from(parseMinisignSignature(file).trustedComment), comment)
  })

  it('is refused in any other form', () => {
    const refused = (text: string, reason: RegExp) =>
      assert.throws(() => parse(text), { name: 'FormatError', message: reason })
    refused('', /not four lines/)
    refused(`${SIGNATURE}more\n`, /not four lines/)
    refused(SIGNATURE.split('\n').slice(0, 2).join('\n'), /not four lines/)
    refused(SIGNATURE.replace('untrusted', 'trusted'), /"untrusted comment: " \(line 1\)/)
    refused(SIGNATURE.replace('\ntrusted', '\nTrusted'), /"trusted comment: " \(line 3\)/)
    refused(SIGNATURE.replaceAll('\n', '\r\r\n'), /carriage return/)
    refused(SIGNATURE.replace(FIRST, SECOND), /not 74 bytes \(line 2\)/)
    refused(SIGNATURE.replace(SECOND, FIRST), /not 64 bytes \(line 4\)/)
    refused(SIGNATURE.replace(FIRST, FIRST.replace(/^RU/, 'RQ')), /not an Ed25519 signature \(line 2\)/)
    refused(SIGNATURE.replace('made', 'm'.repeat(1024)), /comment of 1024 bytes or more \(line 1\)/)
    refused(SIGNATURE.replace('1 < 2', '1'.repeat(8192)), /comment of 8192 bytes or more \(line 3\)/)
  })
})
