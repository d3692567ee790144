/** A security key in software (OpenSSH PROTOCOL.u2f): it signs as a FIDO token does for SSH. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type SshPublicKey, sshAlgorithm, sshKeyBlob } from '../../src/formats/ssh/key.ts'
import { printSshSignature, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import { wireMpint, wireString, wireUint32 } from '../../src/formats/ssh/wire.ts'

export interface SecurityKey {
  readonly publicKey: SshPublicKey
  /** The raw signature of a message. `flags`: 1 if the user was present. */
  sign(message: Uint8Array, flags?: number): Uint8Array
}

/** A new security key. */
export function makeSecurityKey(kind: 'ed25519' | 'ecdsa', application = 'ssh:'): SecurityKey {
  const pair =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = publicKeyOf(pair.publicKey, application)
  return {
    publicKey,
    sign: (message, flags = 1) => {
      const counter = wireUint32(7)
      const signed = Buffer.concat([
        sha256(Buffer.from(application)),
        Buffer.of(flags),
        counter,
        sha256(message),
      ])
      const raw = rawSignature(signed, pair.privateKey, kind)
      return Buffer.concat([wireString(sshAlgorithm(publicKey)), wireString(raw), Buffer.of(flags), counter])
    },
  }
}

/** A signature file over a message; `sign` makes the raw signature. */
export function sshSignatureFile(
  message: Uint8Array,
  key: SshPublicKey,
  signs: (message: Uint8Array) => Uint8Array,
  namespace = 'file',
): string {
  const digest = createHash('sha512').update(message).digest()
  const signature = signs(sshSignedData(namespace, 'sha512', digest))
  return printSshSignature({ keyBlob: sshKeyBlob(key), namespace, hash: 'sha512', signature })
}

/** Two positive integers of equal size, encoded as the halves of an ECDSA signature in SSH. */
export function wireNumbers(fixed: Uint8Array): Uint8Array {
  const half = fixed.length / 2
  return Buffer.concat(
    [fixed.subarray(0, half), fixed.subarray(half)].map(number => wireMpint(withoutZeros(number))),
  )
}

function publicKeyOf(key: KeyObject, application: string): SshPublicKey {
  const { x = '', y } = key.export({ format: 'jwk' })
  if (y === undefined) return { kind: 'ed25519', publicKey: Buffer.from(x, 'base64url'), application }
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return { kind: 'ecdsa', curve: 'nistp256', publicKey: point, application }
}

function rawSignature(message: Uint8Array, key: KeyObject, kind: 'ed25519' | 'ecdsa'): Uint8Array {
  if (kind === 'ed25519') return sign(null, message, key)
  return wireNumbers(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
}

function withoutZeros(number: Uint8Array): Uint8Array {
  return number.subarray(number.findIndex(byte => byte !== 0))
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
