/**
 * A test instance of Sigstore in its newer form: the log gives no promise, and a timestamp
 * authority attests the time.
 */
import { createHash, type KeyObject, sign } from 'node:crypto'
import { der, number, objectIdentifier, octets, sequence, utf8 } from './der.ts'
import {
  AUTHORITY_NAME,
  type Content,
  certificateBy,
  type Extension,
  type Instance,
  logEntry,
  NOW,
  trustedRoot,
} from './sigstore.ts'

const SHA256 = sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'))
const ECDSA_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const TIMESTAMP_INFO = objectIdentifier('1.2.840.113549.1.9.16.1.4')
const TIMESTAMPER_SERIAL = 9

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** Extensions of a certificate that is for timestamps only (RFC 3161, section 2.3). */
export const FOR_TIMESTAMPS: readonly Extension[] = [
  { name: '2.5.29.37', value: sequence(objectIdentifier('1.3.6.1.5.5.7.3.8')), critical: true },
]

/** The trusted root, with a timestamp authority certified by the certificate authority. */
export function trustedRootWithTimestamps(
  instance: Instance,
  timestamper: Pair,
  extensions: readonly Extension[] = FOR_TIMESTAMPS,
): string {
  const root = JSON.parse(trustedRoot(instance))
  const [authority] = root.certificateAuthorities
  const leaf = certificateBy(instance, {
    subject: sequence(der(0x31, sequence(objectIdentifier('2.5.4.3'), utf8('test timestamps')))),
    publicKey: timestamper.publicKey,
    serial: TIMESTAMPER_SERIAL,
    extensions,
  })
  const certificates = [{ rawBytes: leaf.toString('base64') }, ...authority.certChain.certificates]
  root.timestampAuthorities = [{ ...authority, certChain: { certificates } }]
  return JSON.stringify(root)
}

/**
 * A response of the timestamp authority for a signature (RFC 3161, section 2.4.2; RFC 5652, section
 * 5).
 */
export function timestamp({ privateKey }: Pair, signature: Uint8Array, at: Date = NOW): Buffer {
  const info = sequence(
    number(1),
    objectIdentifier('1.2.3'),
    sequence(SHA256, octets(sha256(signature))),
    number(5),
    der(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`, 'latin1')),
  )
  const attributes = [
    sequence(objectIdentifier('1.2.840.113549.1.9.3'), der(0x31, TIMESTAMP_INFO)),
    sequence(objectIdentifier('1.2.840.113549.1.9.4'), der(0x31, octets(sha256(info)))),
  ]
  const signer = sequence(
    number(1),
    sequence(AUTHORITY_NAME, number(TIMESTAMPER_SERIAL)),
    SHA256,
    der(0xa0, ...attributes),
    ECDSA_SHA256,
    octets(sign('sha256', der(0x31, ...attributes), privateKey)),
  )
  const signedData = sequence(
    number(3),
    der(0x31, SHA256),
    sequence(TIMESTAMP_INFO, der(0xa0, octets(info))),
    der(0x31, signer),
  )
  return sequence(
    sequence(number(0)),
    sequence(objectIdentifier('1.2.840.113549.1.7.2'), der(0xa0, signedData)),
  )
}

/**
 * A log entry without promise and time. For an envelope it has the hash of what is signed (the
 * PAE), not of the payload.
 */
export function logEntryV2(
  instance: Instance,
  content: Content,
  certificate: Uint8Array,
  signed: Uint8Array,
) {
  const signature = signatureOf(content)
  const body = {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest: sha256(signed).toString('base64') },
        signature: {
          content: signature,
          verifier: { x509Certificate: { rawBytes: Buffer.from(certificate).toString('base64') } },
        },
      },
    },
  }
  const { inclusionPromise, integratedTime, ...entry } = logEntry(instance, body)
  return entry
}

export function signatureOf(content: Content): string {
  if ('messageSignature' in content) return content.messageSignature.signature
  return content.dsseEnvelope.signatures[0]?.sig ?? ''
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
