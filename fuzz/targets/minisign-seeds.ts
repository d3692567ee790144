import type { MinisignPublicKey } from '../../src/formats/minisign.ts'
import { blake2b512, signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE } from '../seeds.ts'

const KEY_NUMBER = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])
const COMMENT = Buffer.from('timestamp:1790000000\tfile:hello.tar.gz')

/** Alice's key in minisign's form. */
export const MINISIGN_KEY: MinisignPublicKey = { keyNumber: KEY_NUMBER, publicKey: ALICE.publicKey }

/** The file that MINISIGN_SIGNATURES sign. */
export const MINISIGN_FILE: Uint8Array = Buffer.from('what is released, in a few bytes\n')

/** Alice's signatures of both kinds: of the hash, and of the file itself. */
export const MINISIGN_SIGNATURES: readonly Uint8Array[] = [
  signatureFile('ED', blake2b512(MINISIGN_FILE)),
  signatureFile('Ed', MINISIGN_FILE),
]

function signatureFile(algorithm: 'Ed' | 'ED', message: Uint8Array): Uint8Array {
  const signature = signEd25519(message, ALICE.secretKey)
  const first = Buffer.concat([Buffer.from(algorithm), KEY_NUMBER, signature]).toString('base64')
  const second = signEd25519(Buffer.concat([signature, COMMENT]), ALICE.secretKey)
  const lines = [
    'untrusted comment: by Alice',
    first,
    `trusted comment: ${COMMENT}`,
    Buffer.from(second).toString('base64'),
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}
