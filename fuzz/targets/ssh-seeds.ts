/** Keys and signatures of SSH and signify: OpenSSH's published ones, and some of Alice's. */
import { parseSshPublicKey, type SshPublicKey, sshKeyBlob } from '../../src/formats/ssh/key.ts'
import { printSshSignature, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import { wireString } from '../../src/formats/ssh/wire.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE, vectors } from '../seeds.ts'

/** OpenSSH's keys of supported kinds, with their signature files of `SSH_FILE`. */
export const SSH_PAIRS: readonly { readonly key: SshPublicKey; readonly signature: Uint8Array }[] = [
  'ed25519',
  'ecdsa',
  'rsa',
  'ed25519_sk',
  'ecdsa_sk',
].map(name => ({ key: parseSshPublicKey(textOf(`${name}.pub`).trimEnd()), signature: vector(`${name}.sig`) }))

/** The lines of those keys. */
export const SSH_KEYS: readonly string[] = vectors('ssh', '.pub').map(([, bytes]) =>
  bytes.toString().trimEnd(),
)

/** The message that OpenSSH's signatures sign, and their namespace. */
export const SSH_FILE: Uint8Array = vector('signed-data')
export const SSH_NAMESPACE = textOf('namespace')

/** All of OpenSSH's signature files, and one of Alice's with SHA-256. */
export const SSH_SIGNATURES: readonly Uint8Array[] = [
  ...vectors('ssh', '.sig').map(([, bytes]) => bytes),
  Buffer.from(signedByAlice()),
]

const NUMBER = Buffer.from([8, 7, 6, 5, 4, 3, 2, 1])

/** Alice's key in signify's form. */
export const SIGNIFY_KEY = { keyNumber: NUMBER, publicKey: ALICE.publicKey }

/** Alice's signature file of `SSH_FILE`, and one with an embedded message. */
export const SIGNIFY_SIGNATURES: readonly Uint8Array[] = [
  signifyFile(SSH_FILE),
  Buffer.concat([signifyFile(SSH_FILE), SSH_FILE]),
]

/** Alice's signify signature file of a message. */
export function signifyFile(message: Uint8Array): Uint8Array {
  const bytes = Buffer.concat([Buffer.from('Ed'), NUMBER, signEd25519(message, ALICE.secretKey)])
  return Buffer.from(`untrusted comment: verify with alice.pub\n${bytes.toString('base64')}\n`)
}

function signedByAlice(): string {
  const message = sshSignedData('file', 'sha256', sha256(SSH_FILE))
  const signature = Buffer.concat(['ssh-ed25519', signEd25519(message, ALICE.secretKey)].map(wireString))
  return printSshSignature({
    keyBlob: sshKeyBlob(ALICE.publicKey),
    namespace: 'file',
    hash: 'sha256',
    signature,
  })
}

function textOf(name: string): string {
  return Buffer.from(vector(name)).toString()
}

function vector(name: string): Uint8Array {
  const found = vectors('ssh', name).find(([each]) => each === name)
  if (found === undefined) throw new Error(`there is no vector ${name}`)
  return found[1]
}
