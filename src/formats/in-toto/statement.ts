/**
 * in-toto Statements about store paths (in-toto/attestation, spec/v1/statement.md). The name of a
 * subject is the full store path. Its digest is the SHA-256 of the path's NAR, in lower-case hex.
 * It is given twice: under `sha256`, which other tools compare with the output of `nix-store
 * --dump`, and under `nixNarSha256`, which says what was hashed.
 *
 * The annotation `nixReferences` of a subject lists the references of the path: full store paths,
 * sorted by their bytes, without duplicates, with the path itself if it refers to itself. Other
 * annotations are for people.
 *
 * Outside the predicate, fields that neither statement.md nor resource_descriptor.md defines are
 * errors. Digests of other algorithms are ignored whatever they hold, as digest_set.md demands.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { jsonObject, printJson } from '../json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  objectOf,
  readString,
  rootNode,
  sha256Of,
  stringOf,
} from '../json/shape.ts'
import { decodeUtf8, type JsonObject, parseStrictJson } from '../json/strict.ts'
import { parseStorePath } from '../nix/store-path.ts'

/** The `_type` of version 1 of the framework. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
const LENGTH_LIMIT = 1024 * 1024
const DEPTH_LIMIT = 32
const SUBJECT_LIMIT = 1024
/** As many references as a narinfo may have. */
const REFERENCE_LIMIT = 10_000
const REFERENCES = 'nixReferences'
/**
 * Characters of references in a statement that nixsig writes, so that it stays within its readers'
 * limits.
 */
const STATED_LIMIT = 256 * 1024

/** A store path and its contents. */
export interface Subject {
  /** The full store path. */
  readonly name: string
  /** SHA-256 NAR hash, lower-case hex. */
  readonly narHash: string
  /** Its references, if stated: full store paths, sorted. */
  readonly references?: readonly string[]
  /** Other information (the size, the hash in other encodings). The verifier never reads it. */
  readonly annotations?: JsonObject
}

/** A statement about store paths. */
export interface Statement {
  readonly subjects: readonly Subject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

/**
 * Parses the statement in a payload. Throws FormatError, also if the two digests of a subject
 * differ.
 */
export function parseStatement(payload: Uint8Array): Statement {
  const text = decodeUtf8(payload, 'statement')
  const json = parseStrictJson(text, { length: LENGTH_LIMIT, depth: DEPTH_LIMIT })
  const statement = fields(rootNode('statement', json), {
    required: ['_type', 'subject', 'predicateType'],
    optional: ['predicate'],
    others: 'refuse',
  })
  if (stringOf(statement._type) !== STATEMENT_TYPE)
    throw malformed(statement._type, `must be ${STATEMENT_TYPE}`)
  const subjects = listOf(statement.subject, SUBJECT_LIMIT).map(readSubject)
  if (subjects.length === 0) throw malformed(statement.subject, 'must not be empty')
  if (new Set(subjects.map(subject => subject.name)).size < subjects.length) {
    throw malformed(statement.subject, 'names a store path twice')
  }
  return {
    subjects,
    predicateType: stringOf(statement.predicateType),
    predicate: statement.predicate === undefined ? new Map() : objectOf(statement.predicate),
  }
}

/** The payload of a statement: JSON without white space, with its fields in a fixed order. */
export function printStatement(statement: Statement): Uint8Array {
  const json = jsonObject([
    ['_type', STATEMENT_TYPE],
    ['subject', statement.subjects.map(subjectJson)],
    ['predicateType', statement.predicateType],
    ['predicate', statement.predicate],
  ])
  const payload = new Uint8Array(Buffer.from(printJson(json), 'utf8'))
  if (payload.byteLength <= LENGTH_LIMIT) return payload
  throw new FormatError('statement', `larger than ${LENGTH_LIMIT} bytes`, `${payload.byteLength} bytes`)
}

/**
 * Reads the store path that a resource descriptor names, here or in a predicate. Throws
 * FormatError.
 */
export function readSubject(node: JsonNode): Subject {
  const { name, digest, annotations } = fields(node, {
    required: ['name', 'digest'],
    optional: ['annotations', 'uri', 'downloadLocation', 'mediaType', 'content'],
    others: 'refuse',
  })
  const subject = { name: readString(name, parseStorePath).path, narHash: readNarHash(digest) }
  return annotations === undefined ? subject : { ...subject, ...readAnnotations(annotations) }
}

function readAnnotations(node: JsonNode): Pick<Subject, 'references' | 'annotations'> {
  const { [REFERENCES]: references } = fields(node, {
    required: [],
    optional: [REFERENCES],
    others: 'ignore',
  })
  const others = new Map([...objectOf(node)].filter(([name]) => name !== REFERENCES))
  return {
    ...(references === undefined ? {} : { references: readReferences(references) }),
    ...(others.size === 0 ? {} : { annotations: others }),
  }
}

function readReferences(node: JsonNode): readonly string[] {
  const paths = listOf(node, REFERENCE_LIMIT).map(entry => readString(entry, parseStorePath).path)
  const isSorted = paths.every((path, index) => index === 0 || (paths[index - 1] ?? '') < path)
  if (!isSorted) throw malformed(node, 'must be sorted, and none repeated')
  return paths
}

/**
 * The references to state in a statement that nixsig writes; none if they would make it too long
 * for its readers.
 */
export function statedReferences(references: readonly string[]): Pick<Subject, 'references'> {
  const length = references.reduce((sum, path) => sum + path.length, 0)
  if (references.length > REFERENCE_LIMIT || length > STATED_LIMIT) return {}
  return { references: [...new Set(references)].sort() }
}

/** The resource descriptor of a subject, as readSubject reads it. */
export function subjectJson(subject: Subject): JsonObject {
  return jsonObject([
    ['name', subject.name],
    [
      'digest',
      jsonObject([
        ['sha256', subject.narHash],
        ['nixNarSha256', subject.narHash],
      ]),
    ],
    ['annotations', annotationsOf(subject)],
  ])
}

function annotationsOf({ references, annotations }: Subject): JsonObject | undefined {
  if (references === undefined) return annotations
  return jsonObject([...(annotations ?? []), [REFERENCES, references]])
}

function readNarHash(node: JsonNode): string {
  const { sha256, nixNarSha256 } = fields(node, {
    required: [],
    optional: ['sha256', 'nixNarSha256'],
    others: 'ignore',
  })
  const [first, second] = [nixNarSha256, sha256].filter(digest => digest !== undefined).map(sha256Of)
  if (first === undefined) throw malformed(node, 'neither sha256 nor nixNarSha256 is there')
  if (second !== undefined && second !== first) throw malformed(node, 'sha256 and nixNarSha256 differ')
  return first
}
