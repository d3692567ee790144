import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  looksLikeSignify,
  parseSignifyPublicKey,
  parseSignifySignature,
  printSignifyPublicKey,
  splitSignifyFile,
} from '../../src/formats/signify.ts'

const encoded = (algorithm: string, size: number) =>
  Buffer.concat([Buffer.from(algorithm), Buffer.alloc(8, 1), Buffer.alloc(size, 2)]).toString('base64')
const KEY = encoded('Ed', 32)
const SIGNATURE = encoded('Ed', 64)
const FILE = `untrusted comment: verify with alice.pub\n${SIGNATURE}\n`

describe('a signify public key', () => {
  it('is one line, alone or after a comment', () => {
    const key = parseSignifyPublicKey(KEY)
    assert.deepEqual([key.keyNumber.length, key.publicKey.length], [8, 32])
    assert.equal(printSignifyPublicKey(key), KEY)
    assert.deepEqual(parseSignifyPublicKey(`untrusted comment: alice public key\n${KEY}\n`), key)
  })

  for (const [name, text, reason] of [
    ['nothing', '', /not 42 bytes/],
    ['a secret key', encoded('Ed', 94), /not 42 bytes/],
    ['a signature', SIGNATURE, /not 42 bytes/],
    ['another algorithm', encoded('EC', 32), /not by Ed25519/],
    ['another comment', `trusted comment: x\n${KEY}`, /does not begin with "untrusted comment: "/],
    ['a third line', `untrusted comment: x\n${KEY}\n${KEY}\n`, /more lines/],
    ['white space before it', ` ${KEY}`, /not standard padded base64/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseSignifyPublicKey(text), { name: 'FormatError', message: reason })
    })
  }
})

describe('a signify signature', () => {
  it('is two lines, the last with or without a newline', () => {
    const parsed = parseSignifySignature(Buffer.from(FILE))
    assert.deepEqual([...parsed.keyNumber], Array(8).fill(1))
    assert.deepEqual([...parsed.signature], Array(64).fill(2))
    assert.deepEqual(parseSignifySignature(Buffer.from(FILE.trimEnd())), parsed)
  })

  it('may have its message in the same file, and is then not detached', () => {
    const embedded = Buffer.from(`${FILE}SHA256 (a) = 00\n`)
    assert.equal(Buffer.from(splitSignifyFile(embedded).message).toString(), 'SHA256 (a) = 00\n')
    assert.throws(() => parseSignifySignature(embedded), /the signed message is in this file \(signify -e\)/)
    assert.ok(looksLikeSignify(embedded))
  })

  it("differs from minisign's by the lines that minisign adds", () => {
    assert.ok(looksLikeSignify(Buffer.from(FILE)))
    assert.ok(!looksLikeSignify(Buffer.from(`${FILE}trusted comment: x\n${SIGNATURE}\n`)))
    assert.ok(!looksLikeSignify(Buffer.from(`untrusted comment: x\n${encoded('ED', 64)}\n`)))
    assert.ok(!looksLikeSignify(Buffer.from('untrusted comment: x\n')))
    assert.ok(!looksLikeSignify(Buffer.from(SIGNATURE)))
  })

  for (const [name, text, reason] of [
    ['one line', 'untrusted comment: x', /not two lines/],
    [
      'a comment of more than 1024 bytes',
      `untrusted comment: ${'x'.repeat(1024)}\n${SIGNATURE}\n`,
      /not two lines/,
    ],
    ['no comment', `\n${SIGNATURE}\n`, /does not begin with/],
    ['a carriage return in the comment', FILE.replace('comment: ', 'comment: \r'), /carriage return/],
    ['a public key', `untrusted comment: x\n${KEY}\n`, /not 74 bytes/],
    ['a line that never ends', `untrusted comment: x\n${SIGNATURE}${'A'.repeat(500)}\n`, /not a signature/],
    ["minisign's prehashed kind", `untrusted comment: x\n${encoded('ED', 64)}\n`, /not by Ed25519/],
    ['text after an empty line', `${FILE}\nmore\n`, /the signed message is in this file/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseSignifySignature(Buffer.from(text)), { name: 'FormatError', message: reason })
    })
  }
})
