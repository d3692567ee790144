/**
 * in-toto Statements about plain files, as developers' release tools make them
 * (in-toto/attestation, spec/v0.1 and spec/v1/statement.md). Statements about store paths are read
 * by statement.ts: their SHA-256 is a NAR hash.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { fields, type JsonNode, listOf, malformed, objectOf, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'

const TYPES: readonly string[] = ['https://in-toto.io/Statement/v0.1', 'https://in-toto.io/Statement/v1']
/**
 * Only predicates have numbers that are not integers (results of scans, for example), and those are
 * not used.
 */
const LIMITS = { length: 256 * 1024, depth: 32, fractions: true }
const SUBJECT_LIMIT = 1024
const DIGEST_LIMIT = 32

/** A statement about files. */
export interface FileStatement {
  readonly subjects: readonly FileSubject[]
  readonly predicateType: string
  readonly predicate: JsonNode
}

/** A file that a statement is about. */
export interface FileSubject {
  /** Any text, possibly empty: the digest says which file the statement is about. */
  readonly name: string
  /** At least one digest, by algorithm as digest_set.md names it. The values are not checked. */
  readonly digests: ReadonlyMap<string, string>
}

/** Parses the statement in a payload. Throws FormatError. */
export function parseFileStatement(payload: Uint8Array): FileStatement {
  const json = parseStrictJson(decodeUtf8(payload, 'statement'), LIMITS)
  const statement = fields(rootNode('statement', json), {
    required: ['_type', 'subject', 'predicateType'],
    optional: ['predicate'],
    others: 'refuse',
  })
  if (!TYPES.includes(stringOf(statement._type)))
    throw malformed(statement._type, `must be ${TYPES.join(' or ')}`)
  const subjects = listOf(statement.subject, SUBJECT_LIMIT).map(readSubject)
  if (subjects.length === 0) throw malformed(statement.subject, 'must not be empty')
  const predicate = statement.predicate ?? { format: 'statement', where: 'predicate', value: new Map() }
  return { subjects, predicateType: stringOf(statement.predicateType), predicate }
}

function readSubject(node: JsonNode): FileSubject {
  const subject = fields(node, {
    required: ['digest'],
    optional: ['name', 'annotations', 'uri', 'downloadLocation', 'mediaType', 'content'],
    others: 'refuse',
  })
  const digests = objectOf(subject.digest)
  if (digests.size === 0 || digests.size > DIGEST_LIMIT) {
    throw malformed(subject.digest, `must have 1 to ${DIGEST_LIMIT} entries`)
  }
  const { format, where } = subject.digest
  const entries = [...digests].map(([name, value]): readonly [string, string] => {
    if (typeof value === 'string') return [name, value]
    throw new FormatError(format, 'must hold strings', where)
  })
  return { name: subject.name === undefined ? '' : stringOf(subject.name), digests: new Map(entries) }
}
