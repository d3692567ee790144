/**
 * Certificates of keys: an in-toto Statement with one subject, an Ed25519 key, and nixsig's own
 * predicate, with which another key says what that key may sign, and between which dates.
 * docs/attestations.md describes every field. Unknown fields are errors.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { jsonObject, printJson } from '../json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  readString,
  rootNode,
  sha256Of,
  stringOf,
} from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { parseTimestamp, printTimestamp } from '../timestamp.ts'
import { STATEMENT_TYPE } from './statement.ts'

/** The predicate type. */
export const KEY_CERTIFICATE = 'nixsig:predicate:key-certificate:v1'

const LIMITS = { length: 16 * 1024, depth: 8, values: 256 }
const NAME_LIMIT = 32
const GLOB_LIMIT = 256
const KEY_TEXT_LIMIT = 1024

/** The roles in which a certified key may sign. */
export const CERTIFIED_ROLES = ['developer', 'packager', 'reviewer', 'builder'] as const

export type CertifiedRole = (typeof CERTIFIED_ROLES)[number]

interface CertificateBase {
  /** The key that is certified, as a policy would write it. */
  readonly key: string
  /** SHA-256 of its 32 raw bytes, lower-case hex. */
  readonly keySha256: string
  /** The key that certifies it: `ed25519:` and the 64 hex digits of its raw bytes. */
  readonly issuer: string
  /** Seconds since 1970, as all times here. */
  readonly validFrom: number
  /** The first second at which it does not count any more. */
  readonly validUntil: number
}

/** What one key says of another. */
export type KeyCertificateStatement = CertificateBase &
  (
    | {
        readonly purpose: 'delegate'
        /** At least one. */
        readonly roles: readonly CertifiedRole[]
        /** Globs for names of what it may sign. Empty: any. */
        readonly names: readonly string[]
      }
    | {
        readonly purpose: 'successor'
        /** The first second at which the key that certifies does not count any more. */
        readonly oldEnds?: number
      }
  )

/** Parses the statement in a payload. The text of the key is not looked at. Throws FormatError. */
export function parseKeyCertificate(payload: Uint8Array): KeyCertificateStatement {
  const json = parseStrictJson(decodeUtf8(payload, 'key certificate'), LIMITS)
  const statement = fields(rootNode('key certificate', json), {
    required: ['_type', 'subject', 'predicateType', 'predicate'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(statement._type) !== STATEMENT_TYPE) {
    throw malformed(statement._type, `must be ${STATEMENT_TYPE}`)
  }
  if (stringOf(statement.predicateType) !== KEY_CERTIFICATE) {
    throw malformed(statement.predicateType, `must be ${KEY_CERTIFICATE}`)
  }
  const [subject, another] = listOf(statement.subject, 1)
  if (subject === undefined || another !== undefined) throw malformed(statement.subject, 'must be one key')
  return readPredicate(statement.predicate, readSubject(subject))
}

/** The payload of a certificate: JSON without white space, with its fields in a fixed order. */
export function printKeyCertificate(certificate: KeyCertificateStatement): Uint8Array {
  const { key, keySha256, issuer, purpose, validFrom, validUntil } = certificate
  const rest: [string, string | readonly string[] | undefined][] =
    certificate.purpose === 'delegate'
      ? [
          ['roles', certificate.roles],
          ['names', certificate.names.length === 0 ? undefined : certificate.names],
        ]
      : [['oldEnds', certificate.oldEnds === undefined ? undefined : printTimestamp(certificate.oldEnds)]]
  const json = jsonObject([
    ['_type', STATEMENT_TYPE],
    [
      'subject',
      [
        jsonObject([
          ['name', key],
          ['digest', jsonObject([['sha256', keySha256]])],
        ]),
      ],
    ],
    ['predicateType', KEY_CERTIFICATE],
    [
      'predicate',
      jsonObject([
        ['issuer', issuer],
        ['purpose', purpose],
        ['validFrom', printTimestamp(validFrom)],
        ['validUntil', printTimestamp(validUntil)],
        ...rest,
      ]),
    ],
  ])
  return new Uint8Array(Buffer.from(printJson(json), 'utf8'))
}

function readSubject(node: JsonNode): Pick<CertificateBase, 'key' | 'keySha256'> {
  const { name, digest } = fields(node, { required: ['name', 'digest'], optional: [], others: 'refuse' })
  const { sha256 } = fields(digest, { required: ['sha256'], optional: [], others: 'ignore' })
  return { key: textOf(name, KEY_TEXT_LIMIT), keySha256: sha256Of(sha256) }
}

function readPredicate(
  node: JsonNode,
  subject: Pick<CertificateBase, 'key' | 'keySha256'>,
): KeyCertificateStatement {
  const predicate = fields(node, {
    required: ['issuer', 'purpose', 'validFrom', 'validUntil'],
    optional: ['roles', 'names', 'oldEnds'],
    others: 'refuse',
  })
  const { roles, names, oldEnds } = predicate
  const validFrom = readString(predicate.validFrom, parseTimestamp)
  const validUntil = readString(predicate.validUntil, parseTimestamp)
  if (validUntil <= validFrom) throw malformed(predicate.validUntil, 'must be later than validFrom')
  const issuer = readString(predicate.issuer, issuerOf)
  const base = { ...subject, issuer, validFrom, validUntil }
  switch (stringOf(predicate.purpose)) {
    case 'delegate': {
      if (roles === undefined) throw malformed(node, 'field "roles" is missing')
      if (oldEnds !== undefined) throw malformed(oldEnds, "is only a successor's")
      return { ...base, purpose: 'delegate', roles: readRoles(roles), names: readNames(names) }
    }
    case 'successor': {
      const other = roles ?? names
      if (other !== undefined) throw malformed(other, 'a successor takes over whatever the key may do')
      const ends = oldEnds && readString(oldEnds, parseTimestamp)
      if (oldEnds !== undefined && ends !== undefined && ends < validFrom) {
        throw malformed(oldEnds, 'must not be before validFrom: no key would count in between')
      }
      return { ...base, purpose: 'successor', ...(ends === undefined ? {} : { oldEnds: ends }) }
    }
    default:
      throw malformed(predicate.purpose, 'must be delegate or successor')
  }
}

function readRoles(node: JsonNode): readonly CertifiedRole[] {
  const roles = listOf(node, CERTIFIED_ROLES.length).map(item => {
    const found = CERTIFIED_ROLES.find(role => role === stringOf(item))
    if (found === undefined) throw malformed(item, `must be one of ${CERTIFIED_ROLES.join(', ')}`)
    return found
  })
  if (roles.length === 0) throw malformed(node, 'must not be empty')
  return [...new Set(roles)]
}

function readNames(node: JsonNode | undefined): readonly string[] {
  return node === undefined ? [] : listOf(node, NAME_LIMIT).map(item => textOf(item, GLOB_LIMIT))
}

function textOf(node: JsonNode, limit: number): string {
  const text = stringOf(node)
  if (text === '' || text.length > limit) throw malformed(node, `must have 1 to ${limit} characters`)
  return text
}

function issuerOf(text: string): string {
  if (/^ed25519:[0-9a-f]{64}$/.test(text)) return text
  throw new FormatError('key', 'must be ed25519: and 64 lower-case hexadecimal digits', 'issuer')
}
