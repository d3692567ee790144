/**
 * Sigstore's trusted root (sigstore/protobuf-specs, sigstore_trustroot.proto) as JSON: the
 * certificate authorities, logs and timestamp authorities of one Sigstore instance, each with its
 * period of validity.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { printable } from '../../primitives/printable.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../json/strict.ts'
import { parseTimestamp } from '../timestamp.ts'
import { present } from './log-entry.ts'

/** Limit on the bytes of a trusted root. */
export const TRUSTED_ROOT_LIMIT = 1024 * 1024

const MEDIA_TYPES: readonly string[] = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot+json;version=0.2',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
]
const DEPTH_LIMIT = 12
const LIST_LIMIT = 64

/**
 * Checks a trusted root: every field is known and well-formed, and every period of validity has a
 * beginning. A library reads it afterwards that would treat unknown values as absent, and absent
 * dates as no limit. Throws FormatError.
 */
export function checkTrustedRoot(bytes: Uint8Array): void {
  const text = decodeUtf8(bytes, 'trusted root')
  const json = parseStrictJson(text, { length: TRUSTED_ROOT_LIMIT, depth: DEPTH_LIMIT })
  const root = fields(rootNode('trusted root', json), {
    required: ['mediaType', 'tlogs', 'certificateAuthorities', 'ctlogs'],
    optional: ['timestampAuthorities'],
    others: 'refuse',
  })
  const mediaType = stringOf(root.mediaType)
  if (!MEDIA_TYPES.includes(mediaType)) {
    throw malformed(root.mediaType, `"${printable(mediaType, 80)}" is not a known kind of trusted root`)
  }
  for (const log of [...listOf(root.tlogs, LIST_LIMIT), ...listOf(root.ctlogs, LIST_LIMIT)]) checkLog(log)
  const timestamps = present(root.timestampAuthorities)
  const authorities = [root.certificateAuthorities, ...(timestamps ? [timestamps] : [])]
  for (const authority of authorities.flatMap(list => listOf(list, LIST_LIMIT))) checkAuthority(authority)
}

function checkLog(node: JsonNode): void {
  const log = fields(node, {
    required: ['baseUrl', 'hashAlgorithm', 'publicKey', 'logId'],
    optional: ['checkpointKeyId', 'operator'],
    others: 'refuse',
  })
  if (stringOf(log.hashAlgorithm) !== 'SHA2_256') throw malformed(log.hashAlgorithm, 'must be SHA2_256')
  const key = fields(log.publicKey, {
    required: ['rawBytes', 'keyDetails', 'validFor'],
    optional: [],
    others: 'refuse',
  })
  readString(key.rawBytes, fromBase64)
  if (!/^PK(?:IX|CS1)_[A-Z0-9_]+$/.test(stringOf(key.keyDetails))) {
    throw malformed(key.keyDetails, 'must name a kind of key')
  }
  checkValidity(key.validFor)
  const checkpointKeyId = present(log.checkpointKeyId)
  for (const id of [log.logId, ...(checkpointKeyId ? [checkpointKeyId] : [])]) {
    const { keyId } = fields(id, { required: ['keyId'], optional: [], others: 'refuse' })
    if (readString(keyId, fromBase64).length < 4) throw malformed(keyId, 'must have 4 bytes at least')
  }
  checkWords([log.baseUrl, log.operator])
}

function checkAuthority(node: JsonNode): void {
  const authority = fields(node, {
    required: ['certChain', 'validFor'],
    optional: ['subject', 'uri', 'operator'],
    others: 'refuse',
  })
  const { certificates } = fields(authority.certChain, {
    required: ['certificates'],
    optional: [],
    others: 'refuse',
  })
  const chain = listOf(certificates, LIST_LIMIT)
  if (chain.length === 0) throw malformed(certificates, 'must not be empty')
  for (const certificate of chain) {
    const { rawBytes } = fields(certificate, { required: ['rawBytes'], optional: [], others: 'refuse' })
    readString(rawBytes, fromBase64)
  }
  checkValidity(authority.validFor)
  const subject = authority.subject && present(authority.subject)
  const names = subject && {
    ...fields(subject, { required: [], optional: ['organization', 'commonName'], others: 'refuse' }),
  }
  checkWords([authority.uri, authority.operator, names?.organization, names?.commonName])
}

function checkValidity(node: JsonNode): void {
  const { start, end } = fields(node, { required: ['start'], optional: ['end'], others: 'refuse' })
  const last = present(end)
  const from = dateOf(start)
  if (last !== undefined && dateOf(last) < from) throw malformed(node, 'ends before it begins')
}

function dateOf(node: JsonNode): number {
  return readString(node, parseTimestamp)
}

function checkWords(nodes: readonly (JsonNode | undefined)[]): void {
  for (const node of nodes) {
    const word: JsonValue | undefined = node?.value
    if (node !== undefined && word !== null && typeof word !== 'string')
      throw malformed(node, 'must be a string')
  }
}
