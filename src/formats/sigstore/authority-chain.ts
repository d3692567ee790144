/**
 * The certificate chain of an authority in a trusted root, checked as strictly as RFC 5280 (section
 * 6) and RFC 3161 (section 2.3) demand. The library that verifies signatures along it only checks
 * the signatures, the names, the validity and the length.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { contentOf, DER, derElement } from '../keys/der.ts'
import {
  brokenConstraint,
  type GeneralName,
  type NameConstraints,
  parseNameConstraints,
} from './name-constraints.ts'
import {
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  KEY_USAGE,
  parseX509,
  purposesOf,
  SUBJECT_ALTERNATIVE_NAME,
  sequenceOf,
  USAGE,
  usageOf,
  type X509Extensions,
} from './x509.ts'

const FORMAT = "authority's certificate"
const CHAIN_LIMIT = 8

const NAME_CONSTRAINTS = '2.5.29.30'
const AUTHORITY_KEY_ID = '2.5.29.35'
const SUBJECT_KEY_ID = '2.5.29.14'
/** Certificate policies have no effect if the verifier asks for none. */
const POLICIES = '2.5.29.32'

/** Extensions that may be critical: those that are checked, or have no effect here. */
const UNDERSTOOD: readonly string[] = [
  KEY_USAGE,
  SUBJECT_ALTERNATIVE_NAME,
  BASIC_CONSTRAINTS,
  EXTENDED_KEY_USAGE,
  NAME_CONSTRAINTS,
  AUTHORITY_KEY_ID,
  SUBJECT_KEY_ID,
  POLICIES,
]

const PURPOSE = { certificates: '1.3.6.1.5.5.7.3.3', timestamps: '1.3.6.1.5.5.7.3.8' } as const
const ANY_PURPOSE = '2.5.29.37.0'

/** The use of an authority: it certifies signers, or it issues timestamps. */
export type AuthorityUse = keyof typeof PURPOSE

interface Link {
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
  readonly publicKey: Uint8Array
  readonly extensions: X509Extensions
  readonly constraints?: NameConstraints
  readonly names: readonly GeneralName[]
}

/**
 * Checks the chain of an authority (DER, from the signing certificate to the root) and returns the
 * public keys in it (SubjectPublicKeyInfo, DER). The first certificate of a timestamp authority
 * signs the timestamps; all others certify the ones before them. `below` is the certificate (DER)
 * that a certificate authority issued. Throws FormatError that says why the authority cannot be
 * used.
 */
export function readAuthorityChain(
  chain: readonly Uint8Array[],
  use: AuthorityUse,
  below?: Uint8Array,
): readonly Uint8Array[] {
  if (chain.length > CHAIN_LIMIT) throw malformed(`a chain of more than ${CHAIN_LIMIT}`)
  const links = chain.map(readLink)
  const subjects = below === undefined ? [] : [readLink(below)]
  for (const [index, link] of links.entries()) {
    const next = links[index + 1] ?? link
    if (Buffer.compare(link.issuer, next.subject) !== 0) {
      throw malformed('the chain is not in order: each is issued by the one behind it, the last by itself')
    }
    if (use === 'timestamps' && index === 0) checkTimestamper(link)
    else checkAuthority(link, use, use === 'timestamps' ? index - 1 : index)
    checkNames(link, subjects)
    subjects.push(link)
  }
  return links.map(({ publicKey }) => publicKey)
}

function readLink(der: Uint8Array): Link {
  const { subject, issuer, publicKey, extensions } = parseX509(der, FORMAT, UNDERSTOOD)
  const constraints = extensions.get(NAME_CONSTRAINTS)
  const names = extensions.get(SUBJECT_ALTERNATIVE_NAME)
  return {
    subject,
    issuer,
    publicKey,
    extensions,
    ...(constraints && { constraints: parseNameConstraints(constraints.value, FORMAT) }),
    names:
      names === undefined
        ? []
        : sequenceOf(derElement(names.value, FORMAT), FORMAT).map(({ tag, content }) => ({
            tag,
            text: Buffer.from(content).toString('latin1'),
          })),
  }
}

/**
 * RFC 3161: timestamping is its only purpose, in a critical extension, and it is not a certificate
 * authority.
 */
function checkTimestamper({ extensions }: Link): void {
  const purposes = purposesOf(extensions, FORMAT) ?? []
  const isCritical = extensions.get(EXTENDED_KEY_USAGE)?.isCritical === true
  if (purposes.length !== 1 || purposes[0] !== PURPOSE.timestamps || !isCritical) {
    throw malformed('not for timestamps alone (critical extended key usage)')
  }
  const usage = usageOf(extensions, FORMAT)
  if (usage !== undefined && (usage & (USAGE.digitalSignature | USAGE.contentCommitment)) === 0) {
    throw malformed('its key is not for signatures')
  }
  if (basicConstraintsOf(extensions).isAuthority) throw malformed('an authority that signs timestamps itself')
}

/** `depth`: the number of authorities below it, without the signing certificate. */
function checkAuthority({ extensions }: Link, use: AuthorityUse, depth: number): void {
  const { isAuthority, pathLength } = basicConstraintsOf(extensions)
  if (!isAuthority) throw malformed('not an authority (basic constraints)')
  if (pathLength !== undefined && pathLength < depth) {
    throw malformed(`more authorities below it than the ${pathLength} that it allows`)
  }
  const usage = usageOf(extensions, FORMAT)
  if (usage !== undefined && (usage & USAGE.certificateSigning) === 0) {
    throw malformed('its key is not for signing certificates')
  }
  const purposes = purposesOf(extensions, FORMAT)
  if (purposes !== undefined && !purposes.includes(PURPOSE[use]) && !purposes.includes(ANY_PURPOSE)) {
    throw malformed(`not for ${use === 'timestamps' ? 'timestamps' : 'signing code'} (extended key usage)`)
  }
}

function checkNames({ constraints }: Link, below: readonly Link[]): void {
  if (constraints === undefined) return
  for (const { names } of below) {
    const broken = brokenConstraint(constraints, names)
    if (broken !== undefined) throw malformed(`its name constraints do not allow "${broken}"`)
  }
}

function basicConstraintsOf(extensions: X509Extensions): {
  readonly isAuthority: boolean
  readonly pathLength?: number
} {
  const extension = extensions.get(BASIC_CONSTRAINTS)
  if (extension === undefined) return { isAuthority: false }
  const [flag, length, ...more] = sequenceOf(derElement(extension.value, FORMAT), FORMAT)
  if (flag === undefined) return { isAuthority: false }
  const yes = contentOf(flag, DER.boolean, FORMAT)
  if (yes.length !== 1 || yes[0] !== 0xff || more.length > 0) throw malformed('odd basic constraints')
  if (length === undefined) return { isAuthority: true }
  const [digit = 0x80, ...others] = contentOf(length, DER.integer, FORMAT)
  if (digit >= 0x80 || others.length > 0) throw malformed('an odd length of its path')
  return { isAuthority: true, pathLength: digit }
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'the certificate')
}
