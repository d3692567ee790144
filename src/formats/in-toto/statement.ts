/**
 * in-toto Statements about store paths (in-toto/attestation, spec/v1/statement.md). A subject's name is the whole store
 * path; its digest is SHA-256 of the path's NAR, lower-case hex, under `sha256`, which other tools check against
 * `nix-store --dump`, and once more under `nixNarSha256`, which says what was hashed.
 *
 * The annotation `nixReferences` of a subject says what the path refers to: full store paths in the order of their bytes,
 * none twice, itself among them if it refers to itself. Other annotations are for people.
 *
 * Fields that neither statement.md nor resource_descriptor.md knows are errors outside the predicate. Digests of other
 * algorithms are ignored, as digest_set.md demands, whatever they hold.
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

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
const LENGTH_LIMIT = 1024 * 1024
const DEPTH_LIMIT = 32
const SUBJECT_LIMIT = 1024
/** As many as a narinfo may have. */
const REFERENCE_LIMIT = 10_000
const REFERENCES = 'nixReferences'
/** Characters of references that a statement of ours holds, so that it stays below the limits of its readers. */
const STATED_LIMIT = 256 * 1024

/** A store path with its contents. */
export interface Subject {
  /** The whole store path. */
  readonly name: string
  /** SHA-256 of its NAR, lower-case hex. */
  readonly narHash: string
  /** What it refers to, where that is said: full store paths, sorted. */
  readonly references?: readonly string[]
  /** What else is said about it (size, the hash in other spellings); never read by the verifier. */
  readonly annotations?: JsonObject
}

export interface Statement {
  readonly subjects: readonly Subject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

/** The statement that a payload holds. Throws FormatError, also where the two digests of a subject differ. */
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

/** The payload of a statement: JSON without white space and with its fields in a fixed order. */
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

/** The store path that a resource descriptor names, here or in a predicate. Throws FormatError. */
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

/** The references that a statement of ours says; nothing where they are so many that it would be too long to be read. */
export function statedReferences(references: readonly string[]): Pick<Subject, 'references'> {
  const length = references.reduce((sum, path) => sum + path.length, 0)
  if (references.length > REFERENCE_LIMIT || length > STATED_LIMIT) return {}
  return { references: [...new Set(references)].sort() }
}

/** A subject as the resource descriptor that readSubject reads. */
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
