/** Keys and signatures of SSH and signify: OpenSSH's published ones, and some of Alice's. */
import { parseSshPublicKey, type SshPublicKey, sshKeyBlob } from '../../src/formats/ssh/key.ts'
import { printSshSignature, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import { wireString } from '../../src/formats/ssh/wire.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE, vectors } from '../seeds.ts'

/** Those of OpenSSH's keys that are read here, with their signature files over `SSH_FILE`. */
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

/** What OpenSSH's signatures are over, and the namespace that they are in. */
export const SSH_FILE: Uint8Array = vector('signed-data')
export const SSH_NAMESPACE = textOf('namespace')

/** All of OpenSSH's signature files, and one of Alice's by SHA-256. */
export const SSH_SIGNATURES: readonly Uint8Array[] = [
  ...vectors('ssh', '.sig').map(([, bytes]) => bytes),
  Buffer.from(signedByAlice()),
]

const NUMBER = Buffer.from([8, 7, 6, 5, 4, 3, 2, 1])

/** Alice's, as signify has it. */
export const SIGNIFY_KEY = { keyNumber: NUMBER, publicKey: ALICE.publicKey }

/** A signature file of Alice's over `SSH_FILE`, and one that holds what it is over. */
export const SIGNIFY_SIGNATURES: readonly Uint8Array[] = [
  signifyFile(SSH_FILE),
  Buffer.concat([signifyFile(SSH_FILE), SSH_FILE]),
]

/** A signature file of Alice's over a message. */
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
