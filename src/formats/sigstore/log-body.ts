/**
 * What a transparency log recorded about a signature (sigstore/rekor, pkg/types;
 * sigstore/rekor-tiles for version 0.0.2 of `hashedrekord` and `dsse`): what was signed, the
 * signature and the signer. The log has checked that they belong together; they must be the same as
 * in the bundle. Other fields are ignored.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import type { SigstoreLogEntry } from './log-entry.ts'

const FORMAT = 'log entry'
const LIMITS = { length: 512 * 1024, depth: 16, values: 4096 }

/** What an entry recorded. */
export interface LogBody {
  /**
   * What `digest` is the hash of: the signed message (a file, or the signed bytes of an envelope),
   * or the payload of an envelope.
   */
  readonly over: 'message' | 'payload'
  readonly digest: Uint8Array
  readonly signature: Uint8Array
  /** The signer's certificate or public key, DER. */
  readonly verifier: Uint8Array
}

/**
 * Parses the body of an entry. Throws FormatError, also for kinds of entries that record too
 * little.
 */
export function parseLogBody({ kind, version, body }: SigstoreLogEntry): LogBody {
  const json = parseStrictJson(decodeUtf8(body, FORMAT), LIMITS)
  const entry = of(rootNode(FORMAT, json), ['apiVersion', 'kind', 'spec'])
  if (stringOf(entry.kind) !== kind) throw malformed(entry.kind, 'is not the kind that the bundle says')
  if (stringOf(entry.apiVersion) !== version) {
    throw malformed(entry.apiVersion, 'is not the version that the bundle says')
  }
  switch (`${kind} ${version}`) {
    case 'hashedrekord 0.0.1':
      return hashedRekord001(entry.spec)
    case 'hashedrekord 0.0.2':
      return hashedRekord002(entry.spec)
    case 'dsse 0.0.1':
      return dsse001(entry.spec)
    case 'dsse 0.0.2':
      return dsse002(entry.spec)
    case 'intoto 0.0.2':
      return intoto002(entry.spec)
  }
  throw malformed(entry.kind, `unknown kind "${printable(`${kind} ${version}`, 80)}"`)
}

function hashedRekord001(spec: JsonNode): LogBody {
  const { data, signature } = of(spec, ['data', 'signature'])
  const { content, publicKey } = of(signature, ['content', 'publicKey'])
  return {
    over: 'message',
    digest: hexOf(of(of(data, ['hash']).hash, ['value']).value),
    signature: readString(content, fromBase64),
    verifier: pemOf(of(publicKey, ['content']).content),
  }
}

function hashedRekord002(spec: JsonNode): LogBody {
  const { data, signature } = of(of(spec, ['hashedRekordV002']).hashedRekordV002, ['data', 'signature'])
  const digest = readString(of(data, ['digest']).digest, fromBase64)
  return { over: 'message', digest, ...signature002(signature) }
}

function dsse001(spec: JsonNode): LogBody {
  const { payloadHash, signatures } = of(spec, ['payloadHash', 'signatures'])
  const { signature, verifier } = of(single(signatures), ['signature', 'verifier'])
  return {
    over: 'payload',
    digest: hexOf(of(payloadHash, ['value']).value),
    signature: readString(signature, fromBase64),
    verifier: pemOf(verifier),
  }
}

function dsse002(spec: JsonNode): LogBody {
  const { payloadHash, signatures } = of(of(spec, ['dsseV002']).dsseV002, ['payloadHash', 'signatures'])
  const digest = readString(of(payloadHash, ['digest']).digest, fromBase64)
  return { over: 'payload', digest, ...signature002(single(signatures)) }
}

/**
 * In this kind of entry, the base64 signature of an envelope is encoded in base64 a second time.
 */
function intoto002(spec: JsonNode): LogBody {
  const { envelope, payloadHash } = of(of(spec, ['content']).content, ['envelope', 'payloadHash'])
  const { sig, publicKey } = of(single(of(envelope, ['signatures']).signatures), ['sig', 'publicKey'])
  return {
    over: 'payload',
    digest: hexOf(of(payloadHash, ['value']).value),
    signature: readString(sig, text => fromBase64(Buffer.from(fromBase64(text)).toString('latin1'))),
    verifier: pemOf(publicKey),
  }
}

function signature002(node: JsonNode): Pick<LogBody, 'signature' | 'verifier'> {
  const { content, verifier } = of(node, ['content', 'verifier'])
  const { x509Certificate, publicKey } = fields(verifier, {
    required: [],
    optional: ['x509Certificate', 'publicKey'],
    others: 'ignore',
  })
  const whose = x509Certificate ?? publicKey
  if (whose === undefined || (x509Certificate && publicKey)) throw malformed(verifier, 'must be one verifier')
  return {
    signature: readString(content, fromBase64),
    verifier: readString(of(whose, ['rawBytes']).rawBytes, fromBase64),
  }
}

function single(node: JsonNode): JsonNode {
  const [first] = listOf(node, 1)
  if (first === undefined) throw malformed(node, 'must not be empty')
  return first
}

function hexOf(node: JsonNode): Uint8Array {
  const text = stringOf(node)
  if (!/^(?:[0-9a-f]{2}){20,64}$/.test(text))
    throw malformed(node, 'must be a hash in lower-case hexadecimal')
  return Buffer.from(text, 'hex')
}

/** The DER of a PEM block that is encoded in base64. Throws FormatError. */
function pemOf(node: JsonNode): Uint8Array {
  return readString(node, text => {
    const pem = Buffer.from(fromBase64(text)).toString('latin1')
    const block =
      /^\s*-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/.exec(pem)
    if (block?.[2] === undefined)
      throw new FormatError('PEM', 'not one certificate or public key', 'the whole')
    return fromBase64(block[2].replace(/[\r\n]/g, ''))
  })
}

function of<Name extends string>(
  node: JsonNode,
  required: readonly Name[],
): Readonly<Record<Name, JsonNode>> {
  return fields(node, { required, optional: [], others: 'ignore' })
}
