/** One Ed25519 key in every form in which a policy can list it, with its signatures in each. */
import { createHash } from 'node:crypto'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import type { SignedPath } from '../../src/evidence/store-signatures.ts'
import { PROVENANCE, provenanceJson } from '../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../src/formats/in-toto/predicates/release.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import { narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { type SshPublicKey, sshAlgorithm, sshFingerprint } from '../../src/formats/ssh/key.ts'
import { wireString, wireUint32 } from '../../src/formats/ssh/wire.ts'
import type { Ed25519Key } from '../../src/policy/policy.ts'
import { toBase64 } from '../../src/primitives/base64.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair, sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { SOURCE } from '../policy/policies.ts'
import { sshSignatureFile } from './security-key.ts'

const NUMBERS = [Buffer.from('01'.repeat(8), 'hex'), Buffer.from('02'.repeat(8), 'hex')] as const
const APPLICATIONS = ['ssh:', 'ssh:work']
const NAMESPACES = [
  ['file'],
  ['git'],
  ['nixsig', 'a@b'],
  ['file', 'git', 'nixsig'],
  ['sigstore-bundle'],
  ['file', 'sigstore-bundle'],
]

/** The key of this name in every form. */
export function ed25519Listings(
  name: string,
): readonly { readonly name: string; readonly key: Ed25519Key }[] {
  const { publicKey } = pairOf(name)
  const base = { kind: 'ed25519', identity: `ed25519:${toHex(publicKey)}`, label: name, publicKey } as const
  const named = (form: Ed25519Key['form'], more: Partial<Ed25519Key> = {}) => ({ ...base, form, ...more })
  const keys: readonly Ed25519Key[] = [
    named('nix', { name }),
    named('pem'),
    named('ssh'),
    ...NAMESPACES.map(namespaces => named('ssh', { namespaces })),
    ...APPLICATIONS.map(application => named('ssh', { application })),
    ...NUMBERS.map(keyNumber => named('minisign', { keyNumber })),
    ...NUMBERS.map(keyNumber => named('signify', { keyNumber })),
  ]
  return keys.map(key => ({ name: `${name} ${key.form}`, key }))
}

/**
 * Everything that the key signs: files, attestations (lines of envelopes), and what a narinfo
 * covers.
 */
export function ed25519Signatures(name: string, content: Buffer) {
  const pair = pairOf(name)
  const raw = (message: Uint8Array) => signEd25519(message, pair.secretKey)
  const about = { subjects: [{ name: SOURCE.path, narHash: SOURCE.narHash }] }
  const signer = signerUri('builder', sshFingerprint(pair.publicKey))
  const made = provenanceJson(signer, { derivation: `${SOURCE.path}.drv`, output: 'out', inputs: [] }, 0)
  const path = { path: SOURCE.path, narHash: SOURCE.narHash, narSize: 120, references: [] }
  const nix: SignedPath = {
    ...path,
    signatures: [`${name}:${toBase64(raw(Buffer.from(narFingerprint(path))))}`],
  }
  return {
    files: [
      ...['file', 'git', 'a@b', 'sigstore-bundle'].map(namespace =>
        ssh(pair.publicKey, raw, content, namespace),
      ),
      ...APPLICATIONS.map(application => touched(pair.publicKey, raw, content, application)),
      ...NUMBERS.map(number => minisign(raw, content, number)),
      ...NUMBERS.map(number => signify(raw, content, number)),
      { name: 'bundle', signature: Buffer.from(JSON.stringify(plainBundle(raw, content))) },
    ],
    envelopes: [
      {
        name: 'provenance',
        line: signEnvelope(printStatement({ ...about, predicateType: PROVENANCE, predicate: made }), pair),
      },
      {
        name: 'release',
        line: signEnvelope(
          printStatement({
            ...about,
            predicateType: RELEASE,
            predicate: releaseJson('pkg:generic/hello@2.12'),
          }),
          pair,
        ),
      },
    ],
    nix,
  }
}

type Raw = (message: Uint8Array) => Uint8Array

function pairOf(name: string) {
  return ed25519KeyPair(sha256(Buffer.from(name)))
}

function ssh(publicKey: Uint8Array, raw: Raw, content: Buffer, namespace: string) {
  const key: SshPublicKey = { kind: 'ed25519', publicKey }
  const signs = (message: Uint8Array) =>
    Buffer.concat([wireString(sshAlgorithm(key)), wireString(raw(message))])
  return {
    name: `ssh ${namespace}`,
    signature: Buffer.from(sshSignatureFile(content, key, signs, namespace)),
  }
}

/** A signature as a security key for this application makes it, with its user present. */
function touched(publicKey: Uint8Array, raw: Raw, content: Buffer, application: string) {
  const key: SshPublicKey = { kind: 'ed25519', publicKey, application }
  const hash = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest()
  const signs = (message: Uint8Array) => {
    const presence = Buffer.concat([Buffer.of(1), wireUint32(7)])
    const signature = raw(Buffer.concat([hash(application), presence, hash(message)]))
    return Buffer.concat([wireString(sshAlgorithm(key)), wireString(signature), presence])
  }
  return { name: `ssh ${application}`, signature: Buffer.from(sshSignatureFile(content, key, signs)) }
}

function minisign(raw: Raw, content: Buffer, number: Buffer) {
  const signature = raw(createHash('blake2b512').update(content).digest())
  const line = toBase64(Buffer.concat([Buffer.from('ED'), number, signature]))
  const comment = 'timestamp:1'
  const global = toBase64(raw(Buffer.concat([signature, Buffer.from(comment)])))
  const text = `untrusted comment: x\n${line}\ntrusted comment: ${comment}\n${global}\n`
  return { name: `minisign ${number[0]}`, signature: Buffer.from(text) }
}

function signify(raw: Raw, content: Buffer, number: Buffer) {
  const line = toBase64(Buffer.concat([Buffer.from('Ed'), number, raw(content)]))
  return { name: `signify ${number[0]}`, signature: Buffer.from(`untrusted comment: x\n${line}\n`) }
}

/** A Sigstore bundle signed with the key itself. */
function plainBundle(raw: Raw, content: Buffer) {
  const digest = createHash('sha256').update(content).digest('base64')
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature: toBase64(raw(content)) },
  }
}
