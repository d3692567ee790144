/**
 * The signatures that a derivation declares in its environment, as nix/lib.nix writes them;
 * docs/attestations.md describes the form. They come from the author of the derivation, so they
 * only say where to look.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { isObject } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'
import { parseStorePath } from './store-path.ts'

const SIGNATURES = 'nixsigSignatures'
const ROLE = 'nixsigRole'
/** Limits on the records of one derivation and on their total length in characters. */
const RECORD_LIMIT = 64
const TEXT_LIMIT = 64 * 1024
/** Limit on the characters of structured attributes, which may contain both attributes. */
const STRUCTURED_LIMIT = 16 * 1024 * 1024

/** The subject that stands for the derivation's own output. */
export const OWN_OUTPUT = 'out'

/** A declaration that one file holds a signature of another. */
export interface DeclaredSignature {
  /** `out`, or the store path of one of the derivation's inputs. */
  readonly subject: string
  /** The store path of the signature. */
  readonly signature: string
  /** The kind of signature, in lower case. If absent, any kind. */
  readonly kind?: string
  /** The store path of the checksum list that the signature is over. */
  readonly checksums?: string
  /** The name of the file in that list, if it differs from the name here. */
  readonly fileName?: string
}

/**
 * The signatures that a derivation declares; empty if it declares none. Throws FormatError if the
 * attribute is not a list of at most 64 of them.
 */
export function declaredSignatures(derivation: Derivation): readonly DeclaredSignature[] {
  const text = attributeOf(derivation, SIGNATURES)
  if (text === undefined) return []
  const root = rootNode(SIGNATURES, parseStrictJson(text, { length: TEXT_LIMIT, depth: 2 }))
  return listOf(root, RECORD_LIMIT).map(readRecord)
}

/**
 * Whether a derivation declares that it fetches a signature or a checksum list. False if the
 * declaration cannot be read.
 */
export function isSaidToBeSignature(derivation: Derivation): boolean {
  try {
    return attributeOf(derivation, ROLE) === 'signature'
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function readRecord(node: JsonNode): DeclaredSignature {
  const { subject, signature, kind, checksums, fileName } = fields(node, {
    required: ['subject', 'signature'],
    optional: ['kind', 'checksums', 'fileName'],
    others: 'refuse',
  })
  return {
    subject: stringOf(subject) === OWN_OUTPUT ? OWN_OUTPUT : storePathOf(subject),
    signature: storePathOf(signature),
    ...(kind === undefined ? {} : { kind: wordOf(kind) }),
    ...(checksums === undefined ? {} : { checksums: storePathOf(checksums) }),
    ...(fileName === undefined ? {} : { fileName: fileNameOf(fileName) }),
  }
}

function storePathOf(node: JsonNode): string {
  return readString(node, text => parseStorePath(text).path)
}

function wordOf(node: JsonNode): string {
  const text = stringOf(node)
  if (!/^[a-z]{1,20}$/.test(text)) throw malformed(node, 'must be a word in small letters')
  return text
}

function fileNameOf(node: JsonNode): string {
  const text = stringOf(node)
  if (!/^[^/\p{Cc}]{1,255}$/u.test(text))
    throw malformed(node, 'must be the name of a file, without a directory')
  return text
}

/**
 * An attribute as a string, from the environment or from the structured attributes of the
 * derivation.
 */
function attributeOf(derivation: Derivation, name: string): string | undefined {
  const variable = variableOf(derivation, name)
  const structured = variableOf(derivation, '__json')
  // Parsing JSON is slow, and few derivations declare anything.
  if (structured?.includes(name) !== true) return variable && textOf(variable, name)
  if (variable !== undefined) throw new FormatError(name, 'said twice', 'the environment and __json')
  const limits = { length: STRUCTURED_LIMIT, depth: 64, fractions: true }
  const attributes = parseStrictJson(textOf(structured, '__json'), limits)
  const value = isObject(attributes) ? attributes.get(name) : undefined
  if (value !== undefined && typeof value !== 'string')
    throw new FormatError(name, 'must be a string', '__json')
  return value
}

function textOf(byteString: string, name: string): string {
  return decodeUtf8(Buffer.from(byteString, 'latin1'), name)
}
