import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { parsePemPublicKey, printPemPublicKey } from '../../../src/formats/keys/pem.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)
const PEM = printPemPublicKey(KEY)

test('node:crypto reads what we print', () => {
  const jwk = createPublicKey(PEM).export({ format: 'jwk' })
  assert.equal(jwk.crv, 'Ed25519')
  assert.equal(jwk.x, Buffer.from(KEY).toString('base64url'))
})

const ALGORITHMS: readonly (readonly [string, readonly string[]])[] = [
  ['Ed25519', ['-algorithm', 'ED25519']],
  ['P-256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ['P-384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
  ['P-521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
  ['RSA of 2048 bits', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
]

/** The public key of a new key pair, as openssl prints it. */
function opensslKey(args: readonly string[]): string {
  const secret = execFileSync('openssl', ['genpkey', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return execFileSync('openssl', ['pkey', '-pubout'], { input: secret, encoding: 'utf8' })
}

for (const [name, args] of ALGORITHMS) {
  test(`reads openssl's output for a key of ${name}, and prints the same`, () => {
    const printed = opensslKey(args)
    assert.equal(printPemPublicKey(parsePemPublicKey(printed)), printed)
  })
}

test('openssl reads what we print, and we read what openssl prints', () => {
  const printed = execFileSync('openssl', ['pkey', '-pubin', '-pubout'], { input: PEM, encoding: 'utf8' })
  assert.equal(printed, PEM)
  assert.deepEqual(parsePemPublicKey(printed), { kind: 'ed25519', publicKey: KEY })
})

test('the newline at the end may be missing', () => {
  assert.deepEqual(parsePemPublicKey(PEM.trimEnd()), parsePemPublicKey(PEM))
})

/** A public key in node:crypto's output. */
function pem(pair: { readonly publicKey: KeyObject }): string {
  return pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

const P256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const RSA = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }))

/** The key in a PEM block, with changed DER. */
function rewritten(text: string, change: (hex: string) => string): string {
  const hex = Buffer.from(text.replace(/-----[^\n]*/g, ''), 'base64').toString('hex')
  const lines =
    Buffer.from(change(hex), 'hex')
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
}

/** A PEM block around changed DER of the same length. */
function withByte(offset: number, value: number): string {
  const der = Buffer.from(PEM.split('\n')[1] ?? '', 'base64')
  der[offset] = value
  return PEM.replace(/\n.*\n/, `\n${der.toString('base64')}\n`)
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['an X25519 key, which differs in one byte', pem(generateKeyPairSync('x25519'))],
  ['an Ed448 key', pem(generateKeyPairSync('ed448'))],
  ['an ECDSA key of an unsupported curve', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))],
  ['an RSA key for PSS only', pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }))],
  ['an RSA key of 1024 bits', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }))],
  [
    'an RSA key with the exponent 3',
    pem(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })),
  ],
  [
    'an RSA key without parameters',
    rewritten(RSA, hex =>
      hex.replace('30820122300d06092a864886f70d0101010500', '30820120300b06092a864886f70d010101'),
    ),
  ],
  [
    'an RSA key with a number after it',
    rewritten(RSA, hex => `${hex.replace('30820122', '30820125')}020101`),
  ],
  ['a compressed point', rewritten(P256, hex => `3039${hex.slice(4, 46)}032200${'02'}${hex.slice(54, 118)}`)],
  [
    'a point that is not on the curve',
    rewritten(P256, hex => hex.slice(0, -2) + (hex.endsWith('00') ? '01' : '00')),
  ],
  ['a length in two bytes where one is enough', rewritten(PEM, hex => hex.replace('302a', '30812a'))],
  ['lines of 76 characters', P256.replace(/\n(?=[A-Za-z0-9+/=]+\n-----END)/, '')],
  ['a bit string with unused bits', withByte(11, 1)],
  ['a wrong inner length', withByte(10, 0x20)],
  [
    'a secret key',
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ],
  ['text before the block', `alice\n${PEM}`],
  ['text after the block', `${PEM}alice`],
  ['two blocks', PEM + PEM],
  ['carriage returns', PEM.replaceAll('\n', '\r\n')],
  ['base 64 over several lines', PEM.replace('MCow', 'MCow\n')],
  ['another label', PEM.replaceAll('PUBLIC KEY', 'ED25519 KEY')],
  ['stray padding', PEM.replace(/..\n-----END/, '==\n-----END')],
  ['nothing', ''],
]

for (const [name, text] of REFUSED) {
  test(`refuses ${name}`, () => assert.throws(() => parsePemPublicKey(text), FormatError))
}

test('the valid keys that the refused ones are made from are accepted', () => {
  for (const text of [P256, RSA, PEM])
    assert.equal(
      rewritten(text, hex => hex),
      printPemPublicKey(parsePemPublicKey(text)),
    )
})
