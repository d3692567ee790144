/**
 * The people of small worlds, each with a key of each kind, and what they sign. All of it is the
 * same in every run.
 */
import { LEVEL } from '../../../src/formats/in-toto/predicates/verification-summary.ts'
import { printMinisignPublicKey } from '../../../src/formats/minisign.ts'
import { narFingerprint, type SignedNar } from '../../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../../src/formats/nix/nix-key.ts'
import { printSshPublicKey, sshKeyBlob } from '../../../src/formats/ssh/key.ts'
import { printSshSignature, sshSignedData } from '../../../src/formats/ssh/sshsig.ts'
import { wireString } from '../../../src/formats/ssh/wire.ts'
import { blake2b512, ed25519KeyPair, sha256, signEd25519 } from '../../../src/primitives/sodium.ts'
import { built, type Contents, packaged, released, type Signer } from '../trust.ts'

/** All but the stranger are in the trusted list. */
export const PEOPLE = ['dev', 'packager', 'builder', 'stranger'] as const
export type Person = (typeof PEOPLE)[number]

/** Kinds of attestation about a path. */
export const WORDS = ['released', 'packaged', 'reviewed', 'graph', 'built'] as const
export type Word = (typeof WORDS)[number]

/** Kinds of detached signature. */
export const FORMS = ['minisign', 'sshsig'] as const
export type Form = (typeof FORMS)[number]

const DETACHED_KEYS = new Map<string, ReturnType<typeof ed25519KeyPair>>()
const ENVELOPES = new Map<string, string>()
const ENVELOPE_LIMIT = 4096
const SIGNERS = new Map(PEOPLE.map(person => [person, signerOf(person)]))

/** A person's keys, as a policy lists them. */
export function keysOf(person: Person): readonly string[] {
  const { publicKey } = detachedKey(person, 'minisign')
  const minisign = printMinisignPublicKey({ keyNumber: keyNumber(person), publicKey })
  const ssh = printSshPublicKey(detachedKey(person, 'sshsig').publicKey, person)
  return [signer(person).publicKey, `minisign:${minisign}`, ssh]
}

/** A line of an attestation file. Cached, because most are needed again in the next world. */
export function envelope(by: Person, word: Word, contents: Contents, derivation: string): string {
  const name = [by, word, contents.path, contents.narHash, derivation, contents.references].join(' ')
  const line = ENVELOPES.get(name) ?? newEnvelope(by, word, contents, derivation)
  if (ENVELOPES.size > ENVELOPE_LIMIT) ENVELOPES.clear()
  ENVELOPES.set(name, line)
  return line
}

function newEnvelope(by: Person, word: Word, contents: Contents, derivation: string): string {
  switch (word) {
    case 'released':
      return released(signer(by), contents)
    case 'packaged':
      return packaged(signer(by), contents)
    case 'reviewed':
      return packaged(signer(by), contents, LEVEL.reviewed)
    case 'graph':
      return packaged(signer(by), contents, LEVEL.packagedGraph)
    case 'built':
      return built(signer(by), contents, derivation)
  }
}

/** A signature in Nix's own form. */
export function nixSignature(by: Person, nar: SignedNar): string {
  const { name, secretKey } = signer(by).key
  return printNixSignature({ name, signature: signEd25519(Buffer.from(narFingerprint(nar)), secretKey) })
}

/** A file with a detached signature of bytes. */
export function detachedSignature(by: Person, form: Form, message: Uint8Array): Uint8Array {
  if (form === 'minisign') return minisignFile(by, message)
  const { publicKey, secretKey } = detachedKey(by, form)
  const signature = Buffer.from(signEd25519(sshSignedData('file', 'sha256', sha256(message)), secretKey))
  const text = printSshSignature({
    keyBlob: sshKeyBlob(publicKey),
    namespace: 'file',
    hash: 'sha256',
    signature: Buffer.concat([wireString('ssh-ed25519'), wireString(signature)]),
  })
  return Buffer.from(text)
}

function minisignFile(by: Person, message: Uint8Array): Uint8Array {
  const { secretKey } = detachedKey(by, 'minisign')
  const signature = signEd25519(blake2b512(message), secretKey)
  const comment = Buffer.from(`by ${by}`)
  const lines = [
    'untrusted comment: signature',
    Buffer.concat([Buffer.from('ED'), keyNumber(by), signature]).toString('base64'),
    `trusted comment: ${comment}`,
    Buffer.from(signEd25519(Buffer.concat([signature, comment]), secretKey)).toString('base64'),
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}

function signer(person: Person): Signer {
  return SIGNERS.get(person) ?? signerOf(person)
}

function signerOf(person: Person): Signer {
  const key = { name: `${person}-1`, ...ed25519KeyPair(seedOf(`nix ${person}`)) }
  return { key, publicKey: printNixPublicKey(key) }
}

function detachedKey(person: Person, form: Form) {
  const name = `${form} ${person}`
  const known = DETACHED_KEYS.get(name) ?? ed25519KeyPair(seedOf(name))
  DETACHED_KEYS.set(name, known)
  return known
}

function keyNumber(person: Person): Buffer {
  return Buffer.alloc(8, person)
}

function seedOf(text: string): Uint8Array {
  return sha256(Buffer.from(text))
}
