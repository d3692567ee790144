/**
 * A test instance of Sigstore: a certificate authority with its log, and a log of signatures. It
 * certifies and logs anything, so that each check can be tested with input that passes all the
 * others.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { PAYLOAD_TYPE, pae } from '../../src/formats/in-toto/dsse.ts'
import { bits, der, number, objectIdentifier, octets, sequence, time, utf8, yes } from './der.ts'

export const ISSUER = 'https://accounts.example.org'
export const ALICE = 'alice@example.org'

/** The time at which everything happens. */
export const NOW = new Date('2026-03-01T12:00:00Z')
const HOUR = 3600_000

const ECDSA_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const SCT_EXTENSION = '1.3.6.1.4.1.11129.2.4.2'

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface Instance {
  readonly authority: Pair
  readonly certificateLog: Pair
  readonly log: Pair
}

export interface Extension {
  readonly name: string
  readonly value: Buffer
  readonly critical?: boolean
}

export interface Wanted {
  readonly publicKey: KeyObject
  readonly subject?: readonly Buffer[]
  readonly issuer?: string
  readonly notBefore?: Date
  readonly extensions?: readonly Extension[]
  readonly withoutSct?: boolean
  readonly withoutCodeSigning?: boolean
}

export function ecdsaPair(namedCurve = 'P-256'): Pair {
  return generateKeyPairSync('ec', { namedCurve })
}

export function makeInstance(): Instance {
  return { authority: ecdsaPair(), certificateLog: ecdsaPair(), log: ecdsaPair() }
}

export const emailName = (address: string) => der(0x81, Buffer.from(address, 'latin1'))
export const uriName = (uri: string) => der(0x86, Buffer.from(uri, 'latin1'))
export const userName = (name: string) =>
  der(0xa0, objectIdentifier('1.3.6.1.4.1.57264.1.7'), der(0xa0, utf8(name)))

/** A certificate valid for ten minutes, with the promise of the certificate log in it. */
export function certify(instance: Instance, wanted: Wanted): Buffer {
  const extensions: readonly Extension[] = [
    { name: '2.5.29.15', value: bits(Buffer.of(0x80), 7), critical: true },
    ...(wanted.withoutCodeSigning
      ? []
      : [{ name: '2.5.29.37', value: sequence(objectIdentifier('1.3.6.1.5.5.7.3.3')) }]),
    { name: '2.5.29.17', value: sequence(...(wanted.subject ?? [emailName(ALICE)])), critical: true },
    { name: '1.3.6.1.4.1.57264.1.8', value: utf8(wanted.issuer ?? ISSUER) },
    ...(wanted.extensions ?? []),
  ]
  const start = wanted.notBefore ?? new Date(NOW.getTime() - 60_000)
  const certificate = (list: readonly Extension[]) =>
    sequence(
      der(0xa0, number(2)),
      number(7),
      ECDSA_SHA256,
      AUTHORITY_NAME,
      sequence(time(start), time(new Date(start.getTime() + 600_000))),
      sequence(),
      spki(wanted.publicKey),
      der(0xa3, sequence(...list.map(extensionOf))),
    )
  const promise = { name: SCT_EXTENSION, value: octets(promiseOf(instance, certificate(extensions))) }
  return signed(instance.authority, certificate(wanted.withoutSct ? extensions : [...extensions, promise]))
}

/** The trusted root of this instance: JSON as Sigstore distributes it. */
export function trustedRoot(
  instance: Instance,
  validFor: object = { start: '2025-01-01T00:00:00Z' },
  authority: readonly Extension[] = AUTHORITY,
): string {
  const log = ({ publicKey }: Pair, baseUrl: string) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: spki(publicKey).toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor,
    },
    logId: { keyId: idOf(publicKey).toString('base64') },
  })
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(instance.log, 'https://rekor.test')],
    certificateAuthorities: [
      {
        subject: { organization: 'test', commonName: 'test' },
        uri: 'https://fulcio.test',
        certChain: {
          certificates: [{ rawBytes: authorityCertificate(instance, authority).toString('base64') }],
        },
        validFor,
      },
    ],
    ctlogs: [log(instance.certificateLog, 'https://ct.test')],
    timestampAuthorities: [],
  })
}

/** A statement with one subject that has these digests. */
export function statement(digest: Readonly<Record<string, string>>, type = 'https://slsa.dev/provenance/v1') {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'file', digest }],
    predicateType: type,
    predicate: {
      buildDefinition: { buildType: 'https://example.org/build', externalParameters: {} },
      runDetails: { builder: { id: 'https://example.org/builder' } },
    },
  }
}

export function messageSignature(privateKey: KeyObject, message: Uint8Array, hash = 'sha256') {
  return {
    messageSignature: {
      messageDigest: {
        algorithm: hash.replace('sha', 'SHA2_'),
        digest: createHash(hash).update(message).digest('base64'),
      },
      signature: sign(hash, message, privateKey).toString('base64'),
    },
  }
}

export function dsseEnvelope(
  privateKey: KeyObject,
  payload: object | string,
  hash: string | null = 'sha256',
) {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload), 'utf8')
  return {
    dsseEnvelope: {
      payload: bytes.toString('base64'),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig: sign(hash, pae(PAYLOAD_TYPE, bytes), privateKey).toString('base64') }],
    },
  }
}

export type Content = ReturnType<typeof messageSignature> | ReturnType<typeof dsseEnvelope>

/** The log's record of a content and its signer. */
export function logBody(content: Content, certificate: Uint8Array): object {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  const pem = Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`)
  const hexOf = (text: string) => Buffer.from(text, 'base64').toString('hex')
  if ('messageSignature' in content) {
    const { messageDigest, signature } = content.messageSignature
    const hash = { algorithm: 'sha256', value: hexOf(messageDigest.digest) }
    return {
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: { hash },
        signature: { content: signature, publicKey: { content: pem.toString('base64') } },
      },
    }
  }
  const { payload, signatures } = content.dsseEnvelope
  const payloadHash = { algorithm: 'sha256', value: sha256(Buffer.from(payload, 'base64')).toString('hex') }
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      payloadHash,
      signatures: signatures.map(({ sig }) => ({ signature: sig, verifier: pem.toString('base64') })),
    },
  }
}

/** A log entry, the only one in its tree, with promise and proof. */
export function logEntry(
  instance: Instance,
  body: object,
  at: Date = NOW,
  { origin = 'rekor.test', name = 'rekor.test' } = {},
) {
  const { kind = '', apiVersion = '' } = body as { kind?: string; apiVersion?: string }
  const bytes = Buffer.from(JSON.stringify(body), 'utf8')
  const seconds = at.getTime() / 1000
  const id = idOf(instance.log.publicKey)
  // Keys in the order of RFC 8785.
  const promised = JSON.stringify({
    body: bytes.toString('base64'),
    integratedTime: seconds,
    logID: id.toString('hex'),
    logIndex: 41,
  })
  const root = sha256(Buffer.concat([Buffer.of(0), bytes])).toString('base64')
  const note = `${origin}\n1\n${root}\n`
  const signature = Buffer.concat([id.subarray(0, 4), signBy(instance.log, Buffer.from(note, 'utf8'))])
  return {
    logIndex: '41',
    logId: { keyId: id.toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(seconds),
    inclusionPromise: {
      signedEntryTimestamp: signBy(instance.log, Buffer.from(promised, 'utf8')).toString('base64'),
    },
    inclusionProof: {
      logIndex: '0',
      rootHash: root,
      treeSize: '1',
      hashes: [] as string[],
      checkpoint: { envelope: `${note}\n\u2014 ${name} ${signature.toString('base64')}\n` },
    },
    canonicalizedBody: bytes.toString('base64'),
  }
}

/** A bundle of version 0.3. */
export function bundle(certificate: Uint8Array, content: Content, entries: readonly object[]) {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: Buffer.from(certificate).toString('base64') },
      tlogEntries: entries,
      timestampVerificationData: { rfc3161Timestamps: [] as object[] },
    },
    ...content,
  }
}

/**
 * A bundle with a certificate that the instance made for this signer and an entry of its log: what
 * a developer's own tool makes.
 */
export function loggedBundle(instance: Instance, content: Content, wanted: Wanted, at?: Date) {
  const certificate = certify(instance, wanted)
  return bundle(certificate, content, [logEntry(instance, logBody(content, certificate), at)])
}

/** A bundle that is signed with a key. */
export function keyBundle(publicKey: KeyObject, content: Content, hint?: string) {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: hint ?? idOf(publicKey).toString('base64') } },
    ...content,
  }
}

export const AUTHORITY_NAME = sequence(
  der(0x31, sequence(objectIdentifier('2.5.4.3'), utf8('test authority'))),
)

/** Extensions of a certificate authority. */
export const AUTHORITY: readonly Extension[] = [
  { name: '2.5.29.19', value: sequence(yes), critical: true },
  { name: '2.5.29.15', value: bits(Buffer.of(0x04), 2), critical: true },
]

function authorityCertificate(instance: Instance, extensions: readonly Extension[]): Buffer {
  const { publicKey } = instance.authority
  return certificateBy(instance, { subject: AUTHORITY_NAME, publicKey, serial: 1, extensions })
}

/** A certificate by the authority, valid for a year before and after NOW. */
export function certificateBy(
  { authority }: Instance,
  wanted: {
    readonly subject: Buffer
    readonly publicKey: KeyObject
    readonly serial: number
    readonly extensions?: readonly Extension[]
  },
): Buffer {
  return signed(
    authority,
    sequence(
      der(0xa0, number(2)),
      number(wanted.serial),
      ECDSA_SHA256,
      AUTHORITY_NAME,
      sequence(time(new Date(NOW.getTime() - 9000 * HOUR)), time(new Date(NOW.getTime() + 9000 * HOUR))),
      wanted.subject,
      spki(wanted.publicKey),
      ...(wanted.extensions ? [der(0xa3, sequence(...wanted.extensions.map(extensionOf)))] : []),
    ),
  )
}

/** A list of one signed certificate timestamp (RFC 6962, sections 3.2 and 3.3). */
function promiseOf({ authority, certificateLog }: Instance, certificate: Buffer): Buffer {
  const at = Buffer.alloc(8)
  at.writeBigUInt64BE(BigInt(NOW.getTime()))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(certificate.length)
  const authorityId = idOf(authority.publicKey)
  const none = Buffer.of(0, 0)
  const message = [Buffer.of(0, 0), at, Buffer.of(0, 1), authorityId, length.subarray(1), certificate, none]
  const signature = signBy(certificateLog, Buffer.concat(message))
  const id = idOf(certificateLog.publicKey)
  const sct = Buffer.concat([
    Buffer.of(0),
    id,
    at,
    none,
    Buffer.of(4, 3),
    uint16(signature.length),
    signature,
  ])
  return Buffer.concat([uint16(sct.length + 2), uint16(sct.length), sct])
}

function extensionOf({ name, value, critical }: Extension): Buffer {
  return sequence(objectIdentifier(name), ...(critical ? [yes] : []), octets(value))
}

function signed(by: Pair, certificate: Buffer): Buffer {
  return sequence(certificate, ECDSA_SHA256, bits(signBy(by, certificate)))
}

function signBy({ privateKey }: Pair, message: Uint8Array): Buffer {
  return sign('sha256', message, privateKey)
}

/** The id of a log: the hash of its public key. */
export function idOf(publicKey: KeyObject): Buffer {
  return sha256(spki(publicKey))
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({
    format: 'der',
    type: 'spki',
  })
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}
