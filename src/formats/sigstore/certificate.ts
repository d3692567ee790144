/**
 * The contents of a certificate of Sigstore's certificate authority (RFC 5280; sigstore/fulcio,
 * docs/certificate-specification.md and docs/oid-info.md). It is parsed here because libraries
 * compare its names as patterns, take the first of several, and drop the highest bit of each
 * character. Whether it is genuine is not checked here.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { decodeUtf8 } from '../json/strict.ts'
import { contentOf, DER, type DerElement, derElement, derElements, objectIdentifierOf } from '../keys/der.ts'
import {
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  GENERAL_NAME,
  KEY_USAGE,
  parseX509,
  purposesOf,
  SUBJECT_ALTERNATIVE_NAME,
  sequenceOf,
  USAGE,
  usageOf,
  type X509Extension,
  type X509Extensions,
} from './x509.ts'

const FORMAT = 'Sigstore certificate'
const NAME_LIMIT = 2048

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
/** The issuer of the identity: plain text in the older extension, a UTF8String in the newer one. */
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1'
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8'
/** The type of `otherName` for user names that are not addresses. */
const USER_NAME = '1.3.6.1.4.1.57264.1.7'

/** Extensions that may be critical: those that are checked. */
const UNDERSTOOD: readonly string[] = [
  KEY_USAGE,
  SUBJECT_ALTERNATIVE_NAME,
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
]

/** A signer's certificate. */
export interface SigstoreCertificate {
  /** The only subject alternative name: an e-mail address, a URI or a user name. */
  readonly subject: string
  /** The OpenID Connect issuer that vouched for the subject. */
  readonly issuer: string
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
}

/**
 * Parses a certificate (DER). Throws FormatError, also if it is not for code signing, belongs to an
 * authority, does not have exactly one name, or has a critical extension that is not checked here.
 */
export function parseSigstoreCertificate(der: Uint8Array): SigstoreCertificate {
  const { publicKey, extensions } = parseX509(der, FORMAT, UNDERSTOOD)
  checkPurpose(extensions)
  return {
    subject: readSubject(extensions.get(SUBJECT_ALTERNATIVE_NAME)),
    issuer: readIssuer(extensions),
    publicKey,
  }
}

/**
 * Whether a certificate (DER) names itself as its issuer, as the root of a chain does. Throws
 * FormatError.
 */
export function isSelfIssued(der: Uint8Array): boolean {
  const parts = sequence(sequence(derElement(der, FORMAT))[0])
  const start = parts[0]?.tag === 0xa0 ? 1 : 0
  return isSame(parts[start + 2], parts[start + 4])
}

function checkPurpose(extensions: X509Extensions): void {
  if (!purposesOf(extensions, FORMAT)?.includes(CODE_SIGNING)) throw malformed('not for signing code')
  const usage = usageOf(extensions, FORMAT)
  if (usage !== undefined && (usage & USAGE.digitalSignature) === 0) {
    throw malformed('its key is not for signatures')
  }
  const constraints = extensions.get(BASIC_CONSTRAINTS)
  if (constraints !== undefined && sequence(derElement(constraints.value, FORMAT)).length > 0) {
    throw malformed("an authority's")
  }
}

function readSubject(extension: X509Extension | undefined): string {
  if (extension === undefined) throw malformed('has no subject alternative name')
  const [name, ...more] = sequence(derElement(extension.value, FORMAT))
  if (name === undefined || more.length > 0) throw malformed('has not one subject alternative name')
  switch (name.tag) {
    case GENERAL_NAME.email:
    case GENERAL_NAME.uri:
      return asciiOf(name.content)
    case GENERAL_NAME.other: {
      const [kind, value, ...others] = derElements(name.content, FORMAT)
      if (objectIdentifierOf(kind, FORMAT) !== USER_NAME || others.length > 0) break
      return textOf(contentOf(value, 0xa0, FORMAT))
    }
  }
  throw malformed('has a subject alternative name of an unknown kind')
}

function readIssuer(extensions: X509Extensions): string {
  const older = extensions.get(ISSUER_V1)?.value
  const newer = extensions.get(ISSUER_V2)?.value
  const names = [...(older ? [asciiOf(older)] : []), ...(newer ? [textOf(newer)] : [])]
  const [issuer] = names
  if (issuer === undefined) throw malformed('does not say who vouched for its subject')
  if (names.some(name => name !== issuer)) throw malformed('names two issuers of its identity')
  return issuer
}

function textOf(der: Uint8Array): string {
  return limited(decodeUtf8(contentOf(derElement(der, FORMAT), DER.utf8String, FORMAT), FORMAT))
}

/** Decodes an IA5String (RFC 5280). Throws FormatError. */
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
  return sequenceOf(element, FORMAT)
}

function isSame(a: DerElement | undefined, b: DerElement | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a.encoded, b.encoded) === 0
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'the certificate')
}
