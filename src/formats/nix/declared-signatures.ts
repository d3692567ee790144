/**
 * What a derivation says of signatures in its own environment, as nix/lib.nix writes it; docs/attestations.md describes
 * the form. Whoever wrote the derivation wrote this too: it tells where to look, and nothing else.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { isObject } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'
import { parseStorePath } from './store-path.ts'

const SIGNATURES = 'nixsigSignatures'
const ROLE = 'nixsigRole'
/** Records of one derivation, and characters of all of them. */
const RECORD_LIMIT = 64
const TEXT_LIMIT = 64 * 1024
/** Characters of structured attributes, of which these may be two. */
const STRUCTURED_LIMIT = 16 * 1024 * 1024

/** The subject that is the derivation's own output. */
export const OWN_OUTPUT = 'out'

/** That one file is said to hold a signature of another. */
export interface DeclaredSignature {
  /** `out`, or the store path of something that the derivation is built from. */
  readonly subject: string
  /** Store path of the signature. */
  readonly signature: string
  /** What kind of signature that is, in small letters; missing: whichever it is. */
  readonly kind?: string
  /** Store path of the list of checksums that the signature is over. */
  readonly checksums?: string
  /** What the file is called in such a list, where that is not the name it has here. */
  readonly fileName?: string
}

/**
 * The signatures that a derivation declares; none if it says nothing. Throws FormatError where it says something else
 * than a list of at most 64 of them.
 */
export function declaredSignatures(derivation: Derivation): readonly DeclaredSignature[] {
  const text = attributeOf(derivation, SIGNATURES)
  if (text === undefined) return []
  const root = rootNode(SIGNATURES, parseStrictJson(text, { length: TEXT_LIMIT, depth: 2 }))
  return listOf(root, RECORD_LIMIT).map(readRecord)
}

/**
 * Whether a derivation says that what it fetches is a signature or a list of checksums. What cannot be read says no
 * such thing.
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

/** An attribute as a string, from the environment or, where a derivation has structured attributes, from those. */
function attributeOf(derivation: Derivation, name: string): string | undefined {
  const variable = variableOf(derivation, name)
  const structured = variableOf(derivation, '__json')
  // Reading JSON takes time, and few derivations have anything to say.
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
