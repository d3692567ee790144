/**
 * What a certificate of Sigstore's certificate authority says (RFC 5280; sigstore/fulcio, docs/certificate-specification.md
 * and docs/oid-info.md), read on its own: libraries compare the names in it by patterns, take the first of several, and
 * drop the highest bit of each character. Whether it is genuine is not looked at here.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { decodeUtf8 } from '../json/strict.ts'
import { contentOf, DER, type DerElement, derElement, derElements, objectIdentifierOf } from '../keys/der.ts'

const FORMAT = 'Sigstore certificate'
const SIZE_LIMIT = 64 * 1024
const NAME_LIMIT = 2048

const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** The issuer of the identity: in the older extension as it is, in the newer one as a UTF8String. */
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1'
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8'
/** The kind of `otherName` in which there are user names that are no addresses. */
const USER_NAME = '1.3.6.1.4.1.57264.1.7'

/** Extensions that may be critical: those whose meaning is looked at. */
const UNDERSTOOD: readonly string[] = [
  KEY_USAGE,
  SUBJECT_ALTERNATIVE_NAME,
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
]

/** Tags of a GeneralName (RFC 5280, section 4.2.1.6). */
const OTHER_NAME = 0xa0
const RFC822_NAME = 0x81
const UNIFORM_RESOURCE_IDENTIFIER = 0x86

export interface SigstoreCertificate {
  /** The one subject alternative name: an e-mail address, a URI or a user name. */
  readonly subject: string
  /** The OpenID Connect issuer that vouched for the subject. */
  readonly issuer: string
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
}

/**
 * Reads a certificate (DER). Throws FormatError, also if it is not one for signing code, is an authority's, has several
 * names or none, or says something critical that is not looked at here.
 */
export function parseSigstoreCertificate(der: Uint8Array): SigstoreCertificate {
  if (der.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`)
  const [tbs, algorithm, signature, ...more] = sequence(derElement(der, FORMAT))
  const [version, serial, signedWith, issuer, validity, subject, publicKey, ...rest] = sequence(tbs)
  contentOf(signature, DER.bitString, FORMAT)
  if (more.length > 0 || version?.tag !== 0xa0) throw malformed('not a certificate of version 3')
  for (const part of [signedWith, issuer, validity, subject, publicKey]) sequence(part)
  contentOf(serial, DER.integer, FORMAT)
  if (!isSame(signedWith, algorithm)) throw malformed('names two algorithms for its signature')
  const extensions = readExtensions(rest.at(-1))
  checkPurpose(extensions)
  return {
    subject: readSubject(extensions.get(SUBJECT_ALTERNATIVE_NAME)),
    issuer: readIssuer(extensions),
    publicKey: publicKey?.encoded ?? new Uint8Array(),
  }
}

/** Whether a certificate (DER) names itself as its issuer, as the root of a chain does. Throws FormatError. */
export function isSelfIssued(der: Uint8Array): boolean {
  const parts = sequence(sequence(derElement(der, FORMAT))[0])
  const start = parts[0]?.tag === 0xa0 ? 1 : 0
  return isSame(parts[start + 2], parts[start + 4])
}

type Extensions = ReadonlyMap<string, Uint8Array>

function readExtensions(element: DerElement | undefined): Extensions {
  const extensions = new Map<string, Uint8Array>()
  for (const extension of sequence(derElement(contentOf(element, 0xa3, FORMAT), FORMAT))) {
    const parts = sequence(extension)
    const name = objectIdentifierOf(parts[0], FORMAT)
    const isCritical = parts.length === 3 && contentOf(parts[1], DER.boolean, FORMAT)[0] === 0xff
    if (isCritical && !UNDERSTOOD.includes(name)) throw malformed(`unknown critical extension ${name}`)
    if (parts.length > 3 || extensions.has(name)) throw malformed(`extension ${name} is there twice`)
    extensions.set(name, contentOf(parts.at(-1), DER.octetString, FORMAT))
  }
  return extensions
}

function checkPurpose(extensions: Extensions): void {
  const purposes = extensions.get(EXTENDED_KEY_USAGE)
  const isForCode =
    purposes !== undefined &&
    sequence(derElement(purposes, FORMAT)).some(part => objectIdentifierOf(part, FORMAT) === CODE_SIGNING)
  if (!isForCode) throw malformed('not for signing code')
  const usage = extensions.get(KEY_USAGE)
  const bits = usage && contentOf(derElement(usage, FORMAT), DER.bitString, FORMAT)
  if (bits !== undefined && ((bits[1] ?? 0) & 0x80) === 0) throw malformed('its key is not for signatures')
  const constraints = extensions.get(BASIC_CONSTRAINTS)
  if (constraints !== undefined && sequence(derElement(constraints, FORMAT)).length > 0) {
    throw malformed("an authority's")
  }
}

function readSubject(extension: Uint8Array | undefined): string {
  if (extension === undefined) throw malformed('has no subject alternative name')
  const [name, ...more] = sequence(derElement(extension, FORMAT))
  if (name === undefined || more.length > 0) throw malformed('has not one subject alternative name')
  switch (name.tag) {
    case RFC822_NAME:
    case UNIFORM_RESOURCE_IDENTIFIER:
      return asciiOf(name.content)
    case OTHER_NAME: {
      const [kind, value, ...others] = derElements(name.content, FORMAT)
      if (objectIdentifierOf(kind, FORMAT) !== USER_NAME || others.length > 0) break
      return textOf(contentOf(value, 0xa0, FORMAT))
    }
  }
  throw malformed('has a subject alternative name of an unknown kind')
}

function readIssuer(extensions: Extensions): string {
  const older = extensions.get(ISSUER_V1)
  const newer = extensions.get(ISSUER_V2)
  const names = [...(older ? [asciiOf(older)] : []), ...(newer ? [textOf(newer)] : [])]
  const [issuer] = names
  if (issuer === undefined) throw malformed('does not say who vouched for its subject')
  if (names.some(name => name !== issuer)) throw malformed('names two issuers of its identity')
  return issuer
}

function textOf(der: Uint8Array): string {
  return limited(decodeUtf8(contentOf(derElement(der, FORMAT), DER.utf8String, FORMAT), FORMAT))
}

/** RFC 5280 has these as IA5String. */
function asciiOf(bytes: Uint8Array): string {
  if (bytes.some(byte => byte > 0x7f)) throw malformed('a name that is not ASCII')
  return limited(Buffer.from(bytes).toString('latin1'))
}

function limited(name: string): string {
  if (name === '' || name.length > NAME_LIMIT)
    throw malformed(`a name that is empty or longer than ${NAME_LIMIT}`)
  return name
}

function sequence(element: DerElement | undefined): readonly DerElement[] {
  return derElements(contentOf(element, DER.sequence, FORMAT), FORMAT)
}

function isSame(a: DerElement | undefined, b: DerElement | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a.encoded, b.encoded) === 0
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'the certificate')
}
