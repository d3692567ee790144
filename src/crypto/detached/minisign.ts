import {
  looksLikeMinisign,
  type MinisignPublicKey,
  type MinisignSignature,
  parseMinisignSignature,
  printKeyNumber,
} from '../../formats/minisign.ts'
import { looksLikeSignify } from '../../formats/signify.ts'
import type { Key } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { numberTrace, recallByNumber } from './key-number.ts'
import type { DetachedKind, DetachedResult } from './kind.ts'
import { contentsWithin, digestOf, type OpenedFile } from './opened-file.ts'

/** minisign, the only kind with a trusted comment. */
export const MINISIGN: DetachedKind = {
  kind: 'minisign',
  isBare: true,
  recognises: signature => looksLikeMinisign(signature) && !looksLikeSignify(signature),
  check: parseMinisignSignature,
  takes: key => key.kind === 'ed25519' && key.form === 'minisign',
  verify: async (file, signature, key) => resultOf(key, await verifyWith(key, file, signature)),
  recall: async (trace, key) => recallByNumber('minisign', trace, key),
}

/** A legacy signature (`Ed`) is over the file itself, which then has to fit into memory. */
const LEGACY_FILE_LIMIT = 1024 * 1024 * 1024

/**
 * The result of a minisign signature for one key. `bad-comment`: the signature over the file is
 * good, but the trusted comment is not signed by the same key. That is a forgery too.
 */
export type MinisignResult =
  | { readonly kind: 'good'; readonly detail: string }
  | { readonly kind: 'bad-signature' | 'bad-comment' | 'unknown-signer'; readonly detail: string }
  | { readonly kind: 'unreadable'; readonly detail: string }

/**
 * Verifies a minisign signature over a file, of either kind: `Ed` over the bytes (files of up to 1
 * GiB) or `ED` over their BLAKE2b-512 hash (files of any size). The key number must be the key's,
 * and the trusted comment must be signed. `signature` is the contents of the signature file. Throws
 * FormatError if it is malformed.
 */
export async function verifyMinisign(
  file: OpenedFile,
  signature: Uint8Array,
  key: MinisignPublicKey,
): Promise<MinisignResult> {
  const parsed = parseMinisignSignature(signature)
  const number = printKeyNumber(parsed.keyNumber)
  if (Buffer.compare(parsed.keyNumber, key.keyNumber) !== 0) {
    return { kind: 'unknown-signer', detail: `minisign key ${number}` }
  }
  const message = parsed.prehashed
    ? await digestOf(file, 'blake2b-512')
    : await contentsWithin(file, LEGACY_FILE_LIMIT)
  if (message === undefined) {
    const detail = `a signature of minisign's older kind over more than ${LEGACY_FILE_LIMIT} bytes`
    return { kind: 'unreadable', detail }
  }
  if (!verifyEd25519(message, parsed.signature, key.publicKey)) {
    return { kind: 'bad-signature', detail: `minisign key ${number}` }
  }
  if (!isCommentSigned(parsed, key)) {
    return { kind: 'bad-comment', detail: `minisign key ${number}: the trusted comment was changed` }
  }
  return { kind: 'good', detail: printable(Buffer.from(parsed.trustedComment).toString('utf8')) }
}

async function verifyWith(key: Key, file: OpenedFile, signature: Uint8Array): Promise<MinisignResult> {
  if (key.kind !== 'ed25519' || key.keyNumber === undefined) {
    return { kind: 'unreadable', detail: 'the key has no key number' }
  }
  return verifyMinisign(file, signature, { keyNumber: key.keyNumber, publicKey: key.publicKey })
}

function resultOf(key: Key, { kind, detail }: MinisignResult): DetachedResult {
  if (kind === 'good') return { key, outcome: kind, detail, trace: numberTrace('minisign', key) }
  return { key, outcome: kind === 'bad-comment' ? 'bad-signature' : kind, detail }
}

function isCommentSigned(parsed: MinisignSignature, key: MinisignPublicKey): boolean {
  const message = Buffer.concat([parsed.signature, parsed.trustedComment])
  return verifyEd25519(message, parsed.globalSignature, key.publicKey)
}
