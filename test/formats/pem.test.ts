import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parsePemPublicKey, printPemPublicKey } from '../../src/formats/pem.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)
const PEM = printPemPublicKey(KEY)

test('node:crypto reads what we print', () => {
  const jwk = createPublicKey(PEM).export({ format: 'jwk' })
  assert.equal(jwk.crv, 'Ed25519')
  assert.equal(jwk.x, Buffer.from(KEY).toString('base64url'))
})

test('openssl reads what we print, and we read what openssl prints', () => {
  const printed = execFileSync('openssl', ['pkey', '-pubin', '-pubout'], { input: PEM, encoding: 'utf8' })
  assert.equal(printed, PEM)
  assert.deepEqual(parsePemPublicKey(printed), KEY)
})

test('the newline at the end may be missing', () => {
  assert.deepEqual(parsePemPublicKey(PEM.trimEnd()), KEY)
})

/** A public key of another kind, as node:crypto prints it. */
function otherKey(type: 'x25519' | 'ed448' | 'ec'): string {
  const pair =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'x25519'
        ? generateKeyPairSync('x25519')
        : generateKeyPairSync('ed448')
  return pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

/** A PEM block around changed DER of the same length. */
function withByte(offset: number, value: number): string {
  const der = Buffer.from(PEM.split('\n')[1] ?? '', 'base64')
  der[offset] = value
  return PEM.replace(/\n.*\n/, `\n${der.toString('base64')}\n`)
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['an X25519 key, which differs in one byte', otherKey('x25519')],
  ['an Ed448 key', otherKey('ed448')],
  ['an ECDSA key', otherKey('ec')],
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
