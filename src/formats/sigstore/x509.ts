/**
 * X.509 certificates (RFC 5280, section 4.1) as far as Sigstore needs them, parsed strictly:
 * version 3, in DER, without repeated extensions. Whether a certificate is genuine is not checked
 * here.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { contentOf, DER, type DerElement, derElement, derElements, objectIdentifierOf } from '../keys/der.ts'

const SIZE_LIMIT = 64 * 1024
const VERSION_3 = 2

/** UTCTime and GeneralizedTime in the forms that RFC 5280, section 4.1.2.5, allows. */
const TIMES: ReadonlyMap<number, RegExp> = new Map([
  [0x17, /^\d{12}Z$/],
  [0x18, /^\d{14}Z$/],
])

export const KEY_USAGE = '2.5.29.15'
export const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
export const BASIC_CONSTRAINTS = '2.5.29.19'
export const EXTENDED_KEY_USAGE = '2.5.29.37'

/** Tags of a GeneralName (RFC 5280, section 4.2.1.6). */
export const GENERAL_NAME = { other: 0xa0, email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const

/** Bits of the first byte of KeyUsage (RFC 5280, section 4.2.1.3). */
export const USAGE = { digitalSignature: 0x80, contentCommitment: 0x40, certificateSigning: 0x04 } as const

/** An extension of a certificate. */
export interface X509Extension {
  readonly value: Uint8Array
  readonly isCritical: boolean
}

/** Extensions by their object identifiers. */
export type X509Extensions = ReadonlyMap<string, X509Extension>

/** A parsed certificate. Its signature is not verified. */
export interface X509Certificate {
  /** Names, DER. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly extensions: X509Extensions
}

/**
 * Parses a certificate (DER). Throws FormatError in the name of `format`, also for a critical
 * extension that is not in `understood`.
 */
export function parseX509(der: Uint8Array, format: string, understood: readonly string[]): X509Certificate {
  const malformed = (what: string) => new FormatError(format, what, 'the certificate')
  if (der.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`)
  const sequence = (element: DerElement | undefined) => sequenceOf(element, format)
  const [tbs, algorithm, signature, ...more] = sequence(derElement(der, format))
  const [version, serial, signedWith, issuer, validity, subject, publicKey, ...rest] = sequence(tbs)
  contentOf(signature, DER.bitString, format)
  if (more.length > 0 || !isVersion3(version, format)) throw malformed('not a certificate of version 3')
  for (const part of [signedWith, issuer, subject, publicKey]) sequence(part)
  contentOf(serial, DER.integer, format)
  if (!isSame(signedWith, algorithm)) throw malformed('names two algorithms for its signature')
  const times = sequence(validity)
  if (times.length !== 2 || !times.every(isTime)) throw malformed('its validity is not two times')
  const extensions = rest.length === 0 ? new Map() : readExtensions(rest.at(-1), format)
  for (const [name, { isCritical }] of extensions) {
    if (isCritical && !understood.includes(name)) throw malformed(`unknown critical extension ${name}`)
  }
  return {
    issuer: issuer?.encoded ?? new Uint8Array(),
    subject: subject?.encoded ?? new Uint8Array(),
    publicKey: publicKey?.encoded ?? new Uint8Array(),
    extensions,
  }
}

/** The elements of a sequence. Throws FormatError. */
export function sequenceOf(element: DerElement | undefined, format: string): readonly DerElement[] {
  return derElements(contentOf(element, DER.sequence, format), format)
}

/**
 * The purposes in a certificate's extended key usage; undefined without that extension. Throws
 * FormatError.
 */
export function purposesOf(extensions: X509Extensions, format: string): readonly string[] | undefined {
  const extension = extensions.get(EXTENDED_KEY_USAGE)
  if (extension === undefined) return undefined
  return sequenceOf(derElement(extension.value, format), format).map(part => objectIdentifierOf(part, format))
}

/**
 * The first byte of a certificate's key usage, see USAGE; undefined without that extension. Throws
 * FormatError.
 */
export function usageOf(extensions: X509Extensions, format: string): number | undefined {
  const extension = extensions.get(KEY_USAGE)
  if (extension === undefined) return undefined
  return contentOf(derElement(extension.value, format), DER.bitString, format)[1] ?? 0
}

function isVersion3(element: DerElement | undefined, format: string): boolean {
  if (element?.tag !== 0xa0) return false
  const number = contentOf(derElement(element.content, format), DER.integer, format)
  return number.length === 1 && number[0] === VERSION_3
}

function isTime({ tag, content }: DerElement): boolean {
  return TIMES.get(tag)?.test(Buffer.from(content).toString('latin1')) ?? false
}

function isSame(a: DerElement | undefined, b: DerElement | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a.encoded, b.encoded) === 0
}

function readExtensions(element: DerElement | undefined, format: string): X509Extensions {
  const extensions = new Map<string, X509Extension>()
  const malformed = (what: string) => new FormatError(format, what, 'the certificate')
  for (const extension of sequenceOf(derElement(contentOf(element, 0xa3, format), format), format)) {
    const parts = sequenceOf(extension, format)
    const name = objectIdentifierOf(parts[0], format)
    const isCritical = parts.length === 3
    if (isCritical) {
      const flag = contentOf(parts[1], DER.boolean, format)
      if (flag.length !== 1 || flag[0] !== 0xff)
        throw malformed(`extension ${name} is critical in an odd way`)
    }
    if (parts.length > 3 || extensions.has(name)) throw malformed(`extension ${name} is there twice`)
    extensions.set(name, { value: contentOf(parts.at(-1), DER.octetString, format), isCritical })
  }
  return extensions
}
