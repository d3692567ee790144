import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { looksLikeCleartext, parseCleartext } from '../../../src/formats/openpgp/cleartext.ts'
import { parseDetachedSignatures } from '../../../src/formats/openpgp/signature.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { cpuTime } from '../../support/cpu-time.ts'
import { openGnupg } from '../../support/gnupg.ts'

const gnupg = openGnupg()
after(() => gnupg.remove())
const key = gnupg.makeKey('alice')
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----'

const clearsign = (text: string) =>
  gnupg.gpg(['--local-user', key, '--output', '-', '--clearsign'], { input: text }).toString()
const LIST = `${'a'.repeat(64)}  x.tar\n`
const signed = clearsign(LIST)

const parse = (text: string) => parseCleartext(Buffer.from(text, 'utf8'))
const refuses = (text: string | Uint8Array, reason: RegExp) =>
  assert.throws(
    () => parseCleartext(typeof text === 'string' ? Buffer.from(text) : text),
    (error: unknown) => error instanceof FormatError && reason.test(error.message),
  )

describe('clear-signed texts', () => {
  it('reads what gpg writes, and gets the same text as gpg', () => {
    const texts = [
      LIST,
      'one\n',
      'one\n\n\nlast after empty lines\n',
      '- a dash\n-----BEGIN PGP SIGNATURE-----\n-\nFrom here\n',
      'grüße\n',
      '\nfirst line empty\n',
      'ends with empty lines\n\n\n',
    ]
    for (const text of texts) {
      const message = clearsign(text)
      const file = join(gnupg.dir, 'message.asc')
      writeFileSync(file, message)
      assert.equal(parse(message).text, gnupg.gpg(['--output', '-', '--decrypt', file]).toString(), text)
    }
  })

  it('gives the bytes that are signed', () => {
    const message = clearsign('one  \n\ttwo\t \n- three\n')
    const { signed, text, signature } = parse(message)
    assert.equal(Buffer.from(signed).toString(), 'one\r\n\ttwo\r\n- three')
    assert.equal(text, 'one\n\ttwo\n- three\n')
    const data = join(gnupg.dir, 'canonical')
    const packet = join(gnupg.dir, 'canonical.asc')
    writeFileSync(data, signed)
    writeFileSync(packet, signature)
    // Throws unless gpg agrees.
    gnupg.gpg(['--verify', packet, data])
  })

  it('reads Windows line ends like any others', () => {
    assert.deepEqual(parse(signed.replaceAll('\n', '\r\n')), parse(signed))
  })

  it('accepts empty lines after the signature, and nothing else', () => {
    assert.deepEqual(parse(`${signed}\n \n`).text, parse(signed).text)
    refuses(`${signed}${LIST}`, /text outside the armoured block/)
    refuses(`${signed}${signed}`, /the block has no end|the block does not end as it began/)
    const block = signed.slice(signed.indexOf(SIGNATURE))
    refuses(`${signed}\nx\n${block}`, /text outside the armoured block/)
  })

  it('accepts signatures of several people in separate blocks, as gpgv does', () => {
    const block = signed.slice(signed.indexOf(SIGNATURE))
    const { text, signature } = parse(`${signed}\n${block}`)
    assert.equal(text, parse(signed).text)
    assert.equal(parseDetachedSignatures(signature).length, 2)
  })

  it('refuses anything before the message', () => {
    for (const before of [LIST, '\n', ' ', '\ufeff']) {
      assert.equal(looksLikeCleartext(Buffer.from(before + signed)), false)
      refuses(before + signed, /does not begin as one|signed text/)
    }
  })

  it('refuses headers that could be taken for the text', () => {
    refuses(signed.replace(/^Hash: .*$/m, `$&\n${LIST.trimEnd()}`), /a header other than Hash/)
    const digits = `Hash: ${'0123456789abcdef'.repeat(4)}`
    for (const spoofed of [
      digits,
      `Hash: SHA256,${digits.slice(6)}`,
      'Hash: sha256',
      'Hash: SHA256SUM',
      'Hash: X',
    ]) {
      refuses(signed.replace(/^Hash: .*$/m, spoofed), /a header other than Hash with names of hashes/)
      refuses(
        signed.replace(/^Hash: .*$/m, `$&\n${spoofed}`),
        /a header other than Hash with names of hashes/,
      )
    }
    refuses(signed.replace(/^Hash: .*$/m, '$&\nComment: x'), /a header other than Hash/)
    refuses(signed.replace(/^Hash: .*$/m, '$&\nNotDashEscaped: You need GnuPG'), /a header other than Hash/)
    refuses(signed.replace(/^Hash: .*$/m, `${'Hash: SHA256\n'.repeat(17)}`.trimEnd()), /no empty line/)
  })

  it('accepts a message without a Hash header, as RFC 9580 has it', () => {
    assert.equal(parse(signed.replace(/^Hash: .*\n/m, '')).text, LIST)
  })

  it('refuses unescaped dashes', () => {
    refuses(signed.replace(LIST, `${LIST}-x\n`), /a dash that is not escaped/)
    refuses(
      signed.replace(LIST, `-----BEGIN PGP SIGNED MESSAGE-----\n\n${LIST}`),
      /a dash that is not escaped/,
    )
    refuses(signed.replace(LIST, `${LIST}-\n`), /a dash that is not escaped/)
  })

  it('refuses characters that hide text from a reader', () => {
    for (const character of ['\0', '\b', '\x1b[2K', '\v', '\f', 'a\rb', '\x85', '\x9b']) {
      refuses(signed.replace('x.tar', `x${character}.tar`), /a control character/)
    }
    refuses(Buffer.from(signed.replace('x.tar', 'caf\xe9'), 'latin1'), /UTF-8/)
  })

  it('refuses a message without an end, or without a signature', () => {
    refuses(signed.slice(0, signed.indexOf(SIGNATURE)), /no signature/)
    refuses(signed.slice(0, -40), /armour/)
    refuses('-----BEGIN PGP SIGNED MESSAGE-----\n', /no empty line|no signature/)
    refuses(signed.replace(/(BEGIN PGP SIGNATURE-----\n\n)[^-]*/, '$1\n'), /the block is empty/)
  })

  it('is as fast for white space anywhere', () => {
    const start = cpuTime()
    assert.match(parse(signed.replace('x.tar', `${' '.repeat(4_000_000)}x`)).text, / x\n$/)
    assert.ok(cpuTime() - start < 1000)
    refuses(signed.replace('x.tar', ' '.repeat(4 * 1024 * 1024)), /larger than/)
  })
})
